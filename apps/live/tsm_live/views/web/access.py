"""Access: decides which requests the web view answers."""

import dataclasses
import re
import secrets

from aiohttp import web

_TOKEN = re.compile(r"[\w.~-]{16,}", re.ASCII)  # It is part of a URL.
_ORIGIN = re.compile(r"https?://[\w.:\[\]-]+", re.ASCII | re.IGNORECASE)


def new_token() -> str:
    """Returns a random token."""
    return secrets.token_urlsafe(24)


@dataclasses.dataclass(frozen=True)
class Access:
    """Requires a token, and refuses requests from pages of other sites.

    Attributes:
        token: 16 or more letters, digits or any of `._~-`. A request sends it
            as the query parameter `token`, as the cookie that the page sets,
            or in the header `Authorization: Bearer TOKEN`.
        cookie: The name of this cookie.
        origin: The address of the page if browsers reach it through a proxy,
            such as `https://example.org`, or None.

    Raises:
        ValueError: If the token or the origin is not valid.
    """

    token: str = dataclasses.field(repr=False)
    cookie: str
    origin: str | None = None

    def __post_init__(self):
        if not _TOKEN.fullmatch(self.token):
            raise ValueError(
                "The token of the web view must be 16 or more letters, digits "
                f"or any of ._~-. Received: {len(self.token)} characters"
            )
        if self.origin is not None and not _ORIGIN.fullmatch(self.origin):
            raise ValueError(
                "`web_origin` must be a scheme and a host without a path, such "
                f"as https://example.org. Received: {self.origin!r}"
            )

    def refusal(self, request: web.BaseRequest) -> str | None:
        """Returns the reason to refuse a request, or None to answer it."""
        # Browsers allow pages of other sites to open WebSockets.
        host = request.host.lower()
        origin = request.headers.get("Origin", f"http://{host}").lower()
        if origin not in (
            f"http://{host}",
            f"https://{host}",
            (self.origin or "").lower(),
        ):
            return (
                "Pages of other sites may not use tsm-live. If a proxy serves "
                "this page, give its address to tsm-live with --web_origin."
            )
        if not self._has_token(request):
            return "Open the address with the token that tsm-live printed."
        return None

    def _has_token(self, request):
        scheme, _, bearer = request.headers.get("Authorization", "").partition(
            " "
        )
        given = (
            request.query.get("token"),
            request.cookies.get(self.cookie),
            bearer.strip() if scheme.lower() == "bearer" else None,
        )
        # The time of this comparison reveals nothing about the token.
        return any(
            secrets.compare_digest(
                each.encode("utf-8", "replace"), self.token.encode()
            )
            for each in given
            if each is not None
        )
