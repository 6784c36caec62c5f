"""Who may come to the web view."""

import asyncio

import aiohttp
import pytest

from testing.live_states import live_state
from testing.web_viewers import (
    get,
    port_of,
    receive_message,
    viewer_of,
    web_view,
)
from tsm_live.views.web.web_view import WebView

_TOKEN = "0123456789abcdef"
_ROUTES = ("/", "/live", "/nothing")


@pytest.mark.parametrize("path", _ROUTES)
def test_other_names_for_this_machine_are_refused(path):
    with web_view() as view:
        assert get(view, path)[0] != 403
        assert get(view, path, headers={"Host": "localhost:1"})[0] != 403
        for name in ("evil.example", "127.0.0.1.evil.example", "192.0.2.1", ""):
            assert get(view, path, headers={"Host": name})[0] == 403, name


@pytest.mark.parametrize("path", _ROUTES)
def test_pages_of_other_sites_are_refused(path):
    with web_view() as view:
        own = f"http://127.0.0.1:{port_of(view)}"
        assert get(view, path, headers={"Origin": own})[0] != 403
        for origin in ("http://evil.example", "null", f"{own}1", "http://[x"):
            assert get(view, path, headers={"Origin": origin})[0] == 403


def test_a_foreign_page_gets_no_websocket():
    async def watch(view, **options):
        async with viewer_of(view, **options) as viewer:
            return await receive_message(viewer)

    with web_view() as view:
        view.show(live_state())
        own = f"http://127.0.0.1:{port_of(view)}"
        asyncio.run(watch(view, origin=own))
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            asyncio.run(watch(view, origin="http://evil.example"))


@pytest.mark.parametrize("path", _ROUTES)
def test_without_the_token_nothing_is_shown(path):
    with web_view(host="0.0.0.0", token=_TOKEN) as view:
        wrong = (
            {},
            {"params": {"token": "f" * 16}},
            {"params": {"token": "é"}},
            {"headers": {"Authorization": f"Basic {_TOKEN}"}},
            {"headers": {"Authorization": "Bearer"}},
            {"cookies": {f"tsm_live_{port_of(view)}": _TOKEN[:-1]}},
        )
        for options in wrong:
            assert get(view, path, **options)[0] == 403, options
        right = (
            {"params": {"token": _TOKEN}},
            {"headers": {"Authorization": f"Bearer {_TOKEN}"}},
            {"cookies": {f"tsm_live_{port_of(view)}": _TOKEN}},
        )
        for options in right:
            assert get(view, path, **options)[0] != 403, options


def test_the_page_hands_out_the_cookie_and_may_not_be_kept():
    with web_view(token=_TOKEN) as view:
        assert view.url.endswith(f"/?token={_TOKEN}")
        status, headers, page = get(view, f"/?token={_TOKEN}")
        refused = get(view, "/")[1]
    assert status == 200 and _TOKEN not in page
    cookie = headers["Set-Cookie"]
    assert cookie.startswith(f"tsm_live_{port_of(view)}={_TOKEN};")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    for each in (headers, refused):
        assert each["Cache-Control"] == "no-store"
        assert "default-src 'none'" in each["Content-Security-Policy"]
        assert each["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in refused
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "http" not in page.replace("https:", "")  # Nothing from elsewhere.


def test_who_serves_others_always_has_a_token():
    with web_view(host="0.0.0.0") as one, web_view(host="0.0.0.0") as two:
        tokens = {view.url.partition("?token=")[2] for view in (one, two)}
        assert len(tokens) == 2 and min(map(len, tokens)) >= 32
        assert get(one, "/")[0] == 403
        assert "0.0.0.0" not in one.url  # No address that can be opened.
    with web_view() as view:
        assert "token" not in view.url


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"token": "short"}, "16 or more .* Received: 5"),
        ({"token": "with space " * 3}, "letters, digits"),
        ({"port": 70000}, "0..65535. Received: 70000"),
        ({"port": -1}, "Received: -1"),
    ],
)
def test_wrong_arguments(options, match):
    with pytest.raises(ValueError, match=match):
        WebView(**{"port": 0, **options})


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 300])
def test_a_host_that_is_not_this_machine(host):
    with pytest.raises(OSError, match="Cannot serve at"):
        WebView(0, host=host)
