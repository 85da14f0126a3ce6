"""A port that is kept while nobody listens on it."""

import socket


def hold(port: int) -> socket.socket:
    """Bind a loopback port without listening: who connects is refused, and nobody else is given the port.

    Not even as the source of a connection: a client that tries again and again could otherwise come to talk to itself
    (https://sgros.blogspot.com/2013/08/tcp-client-self-connect.html). Close it to listen again.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    return held
