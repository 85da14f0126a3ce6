"""What a benchmark says: its figures to the standard output, and where it is to whoever waits."""

import sys


def tell(text: str) -> None:
    """Figures, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Tell a person who waits; not part of the figures."""
    sys.stderr.write(f"… {text}\n")
    sys.stderr.flush()
