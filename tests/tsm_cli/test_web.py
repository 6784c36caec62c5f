"""`tsm web` serves the page and one model to this machine alone."""

import contextlib
import pathlib
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

from testing import checkout
from tsm_cli.web import address, find_page, open_server

_MODEL = checkout.ROOT / "tests/tsm_live/artifact/format_2/stream_int8.tflite"


@pytest.fixture
def page(tmp_path):
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text("the page", encoding="utf-8")
    (folder / "code.js").write_text("code", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    return folder


@contextlib.contextmanager
def _serving(model, page):
    with open_server(pathlib.Path(model), page, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read(), response.headers


def test_the_page_finds_the_model_and_may_use_threads(page, tmp_path):
    model = tmp_path / "größe 1.tflite"
    model.write_bytes(_MODEL.read_bytes())
    with _serving(model, page) as server:
        url = address(server)
        body, headers = _get(url)
        assert body == b"the page"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        found, _ = _get(urllib.parse.urljoin(url, query["model"][0]))
        assert found == _MODEL.read_bytes()
        _, headers = _get(urllib.parse.urljoin(url, "/code.js"))
        assert headers["Content-Type"] == "text/javascript"


@pytest.mark.parametrize(
    "path", ["/model/", "/model/other.tflite", "/../secret.txt", "/x.txt"]
)
def test_nothing_else_is_served(page, path):
    with (
        _serving(_MODEL, page) as server,
        pytest.raises(urllib.error.HTTPError, match="404"),
    ):
        _get(f"http://127.0.0.1:{server.server_port}{path}")


def test_a_foreign_name_of_this_machine_is_refused(page):
    with _serving(_MODEL, page) as server:
        with pytest.raises(urllib.error.HTTPError, match="403"):
            _get(address(server), Host="evil.example")
        assert server.server_address[0] == "127.0.0.1"


def test_a_used_port_and_a_wrong_file_are_named(page, tmp_path):
    with _serving(_MODEL, page) as server:
        port = server.server_port
        with pytest.raises(OSError, match=f"--port={port} cannot be used"):
            open_server(_MODEL, page, port)
    wrong = tmp_path / "wrong.tflite"
    wrong.write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"wrong\.tflite"):
        open_server(wrong, page, 0)


def test_a_page_that_is_not_built_names_the_commands(tmp_path):
    with pytest.raises(FileNotFoundError, match="npm ci && npm run build"):
        find_page(str(tmp_path))
