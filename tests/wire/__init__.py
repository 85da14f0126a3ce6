"""The deployed code talks to the sandbox through the real SDKs, over TLS."""
