"""Why there is no package."""


class PackageError(Exception):
    """The text says what is wrong and the way out."""
