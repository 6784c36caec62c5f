"""Access: which requests the web view answers."""

import dataclasses
import ipaddress
import re
import secrets
import socket
import urllib.parse

from aiohttp import web

_TOKEN = re.compile(r"[\w.~-]{16,}", re.ASCII)  # Fit for an address.


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def token_for(host: str, token: str | None) -> str | None:
    """Returns the token that viewers must bring, None if they need none.

    Args:
        host: That the server is bound to. If others reach it, there is a
            token: the given one or a random one.
        token: 16 or more letters, digits or any of `._~-`.

    Raises:
        ValueError: If the token is too short, or is none.
    """
    if token is None:
        return None if is_loopback(host) else secrets.token_urlsafe(24)
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            "The token of the web view must be 16 or more letters, digits or "
            f"any of ._~-. Received: {len(token)} characters"
        )
    return token


@dataclasses.dataclass(frozen=True)
class Access:
    """Who may come.

    Attributes:
        host: That the server is bound to.
        port: Likewise.
        token: That a request must bring, as the query parameter `token`, as
            the cookie that it is answered with, or in the header
            `Authorization: Bearer TOKEN`. None: nothing is asked for.
    """

    host: str
    port: int
    token: str | None = dataclasses.field(repr=False)

    @property
    def cookie(self) -> str:
        """Name of the cookie; cookies know hosts but no ports."""
        return f"tsm_live_{self.port}"

    def refusal(self, request: web.BaseRequest) -> str | None:
        """Returns why a request is refused, None if it is not."""
        # A foreign site's name that was made to point here (DNS rebinding),
        # and a foreign site's page that opens a WebSocket, which browsers
        # allow, come with these headers.
        if not self._is_own_name(_host_name(request.host)):
            return f"This is no address of tsm-live: {request.host[:80]!r}."
        host = request.host.lower()
        origin = request.headers.get("Origin", f"http://{host}").lower()
        if origin not in (f"http://{host}", f"https://{host}"):
            return "Pages of other sites may not use tsm-live."
        if self.token is not None and not self._has_token(request):
            return "Open the address with the token that tsm-live printed."
        return None

    def _is_own_name(self, name):
        if name is None:
            return False
        if is_loopback(self.host):
            return is_loopback(name)
        try:
            ipaddress.ip_address(name)
            return True
        except ValueError:
            ours = socket.gethostname().lower()
            names = ("localhost", ours, f"{ours}.local", self.host.lower())
            return name in names

    def _has_token(self, request):
        scheme, _, bearer = request.headers.get("Authorization", "").partition(
            " "
        )
        given = (
            request.query.get("token"),
            request.cookies.get(self.cookie),
            bearer.strip() if scheme.lower() == "bearer" else None,
        )
        # How long it takes to compare tells nothing about the token.
        return any(
            secrets.compare_digest(
                each.encode("utf-8", "replace"), self.token.encode()
            )
            for each in given
            if each is not None
        )


def _host_name(host):
    try:
        return urllib.parse.urlsplit(f"//{host}").hostname
    except ValueError:
        return None
