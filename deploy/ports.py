"""Ports of this machine's loopback, for what is started on a developer's machine and in tests."""

import socket


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: an address that only waits for late packets is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
