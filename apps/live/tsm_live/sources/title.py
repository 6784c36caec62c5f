"""source_title: the name of a source without credentials."""

import re
import urllib.parse

_HIDDEN = "***"
# The value of a parameter with such a name may be a credential.
_SECRET = re.compile(
    r"pass|pwd|psw|token|key|auth|secret|sig|cred|user|usr|account|login"
    r"|session|jwt|@",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile("u|p|un|pw|pin|otp|sid|code|hash", re.IGNORECASE)
# This matches mistyped addresses too.
_LOOKS_LIKE_AN_ADDRESS = re.compile(
    r"[\w+.-]+:/|[^/@]*:[^@]*@|[^?]*\?[^=]+=", re.DOTALL
)
_SCHEME = re.compile(r"(?:[\w+.-]+:/+)?")


def source_title(name: str) -> str:
    """Returns the name of a source with every credential replaced by `***`.

    This hides all text before the last `@` of an address, and the value of
    each parameter whose name suggests a password, a user, a token, a key or a
    signature. For a GStreamer pipeline it returns only the first element.

    Args:
        name: The name of a source as for `open_source`.
    """
    if name.startswith("gst:"):
        return "gst:" + "".join(re.findall(r"[\w-]+", name[4:])[:1])
    if not _LOOKS_LIKE_AN_ADDRESS.match(name):
        return name
    scheme = "".join(_SCHEME.findall(name)[:1])
    place, question, query = name[len(scheme) :].partition("?")
    if "@" in query:  # The `?` may belong to a password.
        return f"{scheme}{_HIDDEN}"
    credentials, _, address = place.rpartition("@")
    if credentials:
        place = f"{_HIDDEN}@{address}"
    host, slash, path = place.partition("/")
    path = re.sub("[^/&;]+=[^/&;]*", _without_value, path)
    query = re.sub("[^&]+", _without_value, query)
    return f"{scheme}{host}{slash}{path}{question}{query}"


def _without_value(parameter):
    """Hides the value in `name=value` if it may be a credential."""
    text = parameter[0]
    decoded = urllib.parse.unquote_plus(text)
    name, is_named, _ = decoded.partition("=")
    if not is_named:
        return _HIDDEN
    if _SECRET.search(decoded) or _SECRET_NAME.fullmatch(name):
        return f"{text.partition('=')[0]}={_HIDDEN}"
    return text
