"""What is written to. Targets fit `reconcile.Target` by shape."""
