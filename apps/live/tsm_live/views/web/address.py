"""Opens the socket of the web view and builds its address."""

import os
import socket


def listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket.

    Args:
        host: A name or an address of this machine.
        port: The port; 0 picks a free one.

    Raises:
        ValueError: If the port is not in 0..65535.
        OSError: If the port is in use, or the host is not this machine.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"The port must be in 0..65535. Received: {port}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise OSError(f"Cannot serve at {host!r}: {error}") from error
    try:
        if os.name == "posix":  # On Windows two runs could share a port.
            # The port of a run that has just ended can be used at once.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise OSError(
            f"Cannot serve at {host}, port {port}: {error.strerror}. Choose "
            "another port with --web=PORT; 0 picks a free one."
        ) from error
    listener.setblocking(False)
    return listener


def public_url(host: str, port: int, token: str) -> str:
    """Returns the address to open in a browser."""
    if host in ("0.0.0.0", "::"):
        host = _outer_address()
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}/?token={token}"


def _outer_address():
    """Returns the address under which other machines see this one."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # UDP sends nothing here.
            return probe.getsockname()[0]
    except OSError:
        return socket.gethostname()
