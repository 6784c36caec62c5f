"""Who may come to the web view."""

import asyncio

import aiohttp
import pytest

from testing.live_states import live_state
from testing.web_viewers import (
    bearer,
    get,
    port_of,
    receive_message,
    token_of,
    viewer_of,
    web_view,
)
from tsm_live.views.web.web_view import WebView

_TOKEN = "0123456789abcdef"
_ROUTES = ("/", "/live", "/nothing")


@pytest.mark.parametrize("path", _ROUTES)
@pytest.mark.parametrize("name", ["evil.example", "example.org:443", "", "[x"])
def test_the_token_counts_and_not_the_name_of_the_machine(path, name):
    """A proxy sends any name; a page with a name of its own has no token."""
    with web_view() as view:
        headers = {"Host": name}
        assert get(view, path, headers=headers)[0] == 403
        assert get(view, path, headers={**headers, **bearer(view)})[0] != 403


@pytest.mark.parametrize("path", _ROUTES)
def test_pages_of_other_sites_are_refused(path):
    with web_view() as view:
        own = f"http://127.0.0.1:{port_of(view)}"

        def status(origin):
            headers = {"Origin": origin, **bearer(view)}
            return get(view, path, headers=headers)[0]

        assert status(own) != 403
        for origin in ("http://evil.example", "null", f"{own}1", "http://[x"):
            assert status(origin) == 403


@pytest.mark.parametrize("path", _ROUTES)
def test_behind_a_proxy(path):
    """One that keeps the name of the page, and one that sends its own."""
    with web_view() as kept, web_view(origin="https://Tsm.example") as changed:
        page = {"Origin": "https://tsm.example"}
        host = {"Host": "tsm.example"}
        for view, headers, is_right in (
            (kept, {**page, **host}, True),
            (kept, page, False),
            (changed, page, True),
            (changed, {**page, **host}, True),
            (changed, {"Origin": "https://tsm.example.evil"}, False),
        ):
            headers = {**headers, **bearer(view)}
            assert (get(view, path, headers=headers)[0] != 403) == is_right


def test_a_websocket_through_an_https_proxy():
    """Browsers see HTTPS and another name; the view sees plain HTTP."""

    async def watch(view):
        async with viewer_of(view, origin="https://tsm.example") as viewer:
            return await receive_message(viewer)

    with web_view(origin="https://tsm.example") as view:
        view.show(live_state())
        assert asyncio.run(watch(view))[0]["source"] == "video.mp4"


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


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
@pytest.mark.parametrize("path", _ROUTES)
def test_without_the_token_nothing_is_shown(path, host):
    with web_view(host=host, token=_TOKEN) as view:
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


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "localhost"])
def test_there_always_is_a_token(host):
    with web_view(host=host) as one, web_view(host=host) as two:
        tokens = {token_of(view) for view in (one, two)}
        assert len(tokens) == 2 and min(map(len, tokens)) >= 32
        assert get(one, "/")[0] == 403
        assert "0.0.0.0" not in one.url  # No address that can be opened.


def test_the_token_is_in_no_log(caplog, monkeypatch):
    with web_view() as view:
        headers = get(view, f"/?token={token_of(view)}")[1]
        get(view, f"/?token={token_of(view)}", headers={"Origin": "null"})
        caplog.set_level("DEBUG")
        assert get(view, f"/?token={token_of(view)}")[0] == 200
        monkeypatch.setattr(view, "_page", None)
        assert get(view, f"/?token={token_of(view)}")[0] == 500
        assert "AttributeError" in caplog.text
        assert token_of(view) not in caplog.text
        assert token_of(view) not in repr(view._access)
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"token": "short"}, "16 or more .* Received: 5"),
        ({"token": "with space " * 3}, "letters, digits"),
        ({"port": 70000}, "0..65535. Received: 70000"),
        ({"port": -1}, "Received: -1"),
        ({"origin": "example.org"}, "a scheme and a host.*'example.org'"),
        ({"origin": "https://a.org/path"}, "without a path"),
    ],
)
def test_wrong_arguments(options, match):
    with pytest.raises(ValueError, match=match):
        WebView(**{"port": 0, **options})


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 300])
def test_a_host_that_is_not_this_machine(host):
    with pytest.raises(OSError, match="Cannot serve at"):
        WebView(0, host=host)
