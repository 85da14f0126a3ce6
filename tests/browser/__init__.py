"""The status page in a real headless Chromium."""
