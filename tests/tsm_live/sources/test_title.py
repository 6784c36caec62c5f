"""No credential of a source can be read in its title."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tsm_live.sources.open_source import open_sources
from tsm_live.sources.title import source_title

# What is said here is text alone: one Keras is enough.
pytestmark = pytest.mark.keras3_only


@pytest.mark.parametrize(
    ("name", "title"),
    [
        *((name, name) for name in ("0", "-", "/dev/video0", "a b/clip.mp4")),
        ("rtsp://camera:554/1?channel=2", "rtsp://camera:554/1?channel=2"),
        ("udp://@:1234", "udp://@:1234"),
        ("rtsp://me:no@camera/1", "rtsp://***@camera/1"),
        ("rtsp://me@[::1]:554/1", "rtsp://***@[::1]:554/1"),
        ("rtsp://me:n@o@camera/1", "rtsp://***@camera/1"),
        ("rtsp://me:n/o@camera/1", "rtsp://***@camera/1"),
        ("rtsp://me:n?o@camera/1", "rtsp://***"),
        (
            "http://a/b?user=me&pwd=no&w=640",
            "http://a/b?user=***&pwd=***&w=640",
        ),
        (
            "http://a/b?w=640&Access_Token=no",
            "http://a/b?w=640&Access_Token=***",
        ),
        ("http://a/b?pass%77ord=no", "http://a/b?pass%77ord=***"),
        ("http://a/b?no", "http://a/b?***"),
        ("http://a/b?src=rtsp%3A%2F%2Fme%3Ano%40c", "http://a/b?src=***"),
        (
            "rtsp://a/user=me_password=no_channel=1.sdp?w=1",
            "rtsp://a/user=***?w=1",
        ),
        ("gst:rtspsrc location=rtsp://me:no@c ! appsink", "gst:rtspsrc"),
        ("gst:rtsp://me:no@c ! appsink", "gst:rtsp"),
        ("rtsp:/me:no@camera/1", "rtsp:/***@camera/1"),
        ("me:no@camera/1", "***@camera/1"),
    ],
)
def test_titles(name, title):
    assert source_title(name) == title


_SECRET = "Zq"  # Is in no other part of an address below.
_PARTS = st.lists(
    st.one_of(st.just(_SECRET), st.text("@:/?#&=%;![] .~$'\"\\ü", max_size=2)),
    min_size=1,
    max_size=6,
)
_SCHEMES = st.sampled_from(["rtsp", "http", "https", "rtmp", "srt", "XY"])
_NAMES = st.sampled_from(
    [
        *("password", "passwd", "pwd", "Token", "access_token", "api-key"),
        *("apikey", "auth", "Authorization", "user", "secret", "sig", "X-key"),
        *("p", "u", "pw", "jwt", "signature", "p%61ssword", "session_id"),
    ]
)
_VALUES = st.lists(
    st.one_of(st.just(_SECRET), st.text("@:/?=%;![].~$'ü", max_size=2)),
    min_size=1,
    max_size=6,
).map("".join)


@given(_SCHEMES, _PARTS, st.sampled_from(["", "/1", "/1?a=2", "?a=2", "/a@b"]))
@example("rtsp", ["Zq", ":", "Zq", "/", "Zq", "?", "Zq"], "/1?a=2")
def test_no_user_or_password_can_be_read(scheme, parts, rest):
    """Even where nobody has written its special characters as %40."""
    title = source_title(f"{scheme}://{''.join(parts)}@camera:554{rest}")
    assert _SECRET not in title and title.startswith(f"{scheme}://")


@given(_SCHEMES, _NAMES, _VALUES, st.booleans(), st.booleans())
def test_no_credential_of_a_query_can_be_read(scheme, name, value, first, last):
    query = "&".join(
        [*["w=640"] * first, f"{name}={value}", *["channel=2"] * last]
    )
    title = source_title(f"{scheme}://camera/1?{query}")
    assert _SECRET not in title


def test_sources_that_differ_in_credentials_alone_have_names_of_their_own():
    sources = open_sources(["rtsp://a:b@c/1", "rtsp://d:e@c/1", "rtsp://c/1"])
    assert [source.name for source in sources] == [
        *("rtsp://***@c/1 (1)", "rtsp://***@c/1 (2)", "rtsp://c/1"),
    ]
    with pytest.raises(ValueError, match="given once") as error:
        open_sources(["rtsp://a:b@c/1"] * 2)
    assert not re.search("a:b", str(error.value))
