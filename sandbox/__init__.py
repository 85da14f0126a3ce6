"""An Azure subscription and an AKS cluster on your machine. Development and tests only, never deployed."""
