"""Why an app could not be loaded."""


class AppLoadError(Exception):
    """The app cannot be imported or indexed. `stack_trace` is for the log."""

    def __init__(self, message: str, stack_trace: str = "") -> None:
        super().__init__(message)
        self.stack_trace = stack_trace
