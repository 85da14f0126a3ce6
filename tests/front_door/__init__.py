"""The front door from outside: the app unchanged in a functions host, everything behind it from the sandbox."""
