"""Where the web view is served."""

import socket

from tsm_live.views.web.access import Access


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens; what fails is said in one line.

    Args:
        host: Name or address.
        port: 0 picks a free one.

    Raises:
        ValueError: If there is no such port.
        OSError: If it is taken, or the host is not this machine's.
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
        # A port that a run before this one left is free at once.
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


def public_url(access: Access) -> str:
    """Returns the address to open, with the token if there is one."""
    host = access.host
    if host in ("0.0.0.0", "::"):
        host = _outer_address()
    if ":" in host:
        host = f"[{host}]"
    query = "" if access.token is None else f"?token={access.token}"
    return f"http://{host}:{access.port}/{query}"


def _outer_address():
    """Returns the address of this machine that others see."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # UDP: nothing is sent.
            return probe.getsockname()[0]
    except OSError:
        return socket.gethostname()
