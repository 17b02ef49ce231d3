"""Doors of servers on this machine: a port that is free is bound, one that is taken is a sentence."""

from __future__ import annotations

import os
import socket

from toolkit.errors import ToolkitError


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at a host and a port, 0: one that is free.

    Raises:
        ToolkitError: the port is taken, or the host is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, reuse_port=False)
    except OSError as fault:
        raise ToolkitError(
            f"Nothing can listen on {host}:{port} ({os.strerror(fault.errno or 0)}); choose another with --port or --host."
        ) from None


def url_of(host: str, port: int) -> str:
    """Return the address that a browser opens.

    Example:
        >>> url_of("127.0.0.1", 8080), url_of("::1", 8080), url_of("0.0.0.0", 8080)
        ('http://127.0.0.1:8080', 'http://[::1]:8080', 'http://127.0.0.1:8080')
    """
    if host in ("0.0.0.0", "::"):  # every address of this machine
        host = "127.0.0.1" if host != "::" else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
