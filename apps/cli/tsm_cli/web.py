"""Shows an artifact in the browser: `tsm web MODEL`.

It serves the page of `apps/web` on this machine alone, with the model
preselected. The page runs the model in the browser.
"""

import http.server
import pathlib
import urllib.parse
from collections.abc import Sequence

from absl import flags

from tsm_live.artifact.file import read_spec

FLAGS = flags.FlagValues()
flags.DEFINE_integer(
    "port",
    8000,
    "The port of the page on this machine; 0 for any free one.",
    lower_bound=0,
    upper_bound=65535,
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "page",
    None,
    "The folder of the built page (default: apps/web/dist of the checkout).",
    flag_values=FLAGS,
)

_HOST = "127.0.0.1"
_NAMES = (_HOST, "localhost")  # By which a browser of this machine may ask.
_MODEL = "/model/"  # The folder in which the page finds the model.
# Without these headers, browsers refuse threads.
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-cache",
}


def main(arguments: Sequence[str]) -> None:
    """Serves the page until Ctrl-C.

    Raises:
        flags.Error: If the number of arguments is not one.
        FileNotFoundError: If MODEL or the built page does not exist.
        ValueError: If MODEL is not a `.tflite` artifact.
        OSError: If the port is in use.
    """
    if len(arguments) != 1:
        raise flags.Error("expected one MODEL: tsm web MODEL")
    server = open_server(
        pathlib.Path(arguments[0]), find_page(FLAGS.page), FLAGS.port
    )
    with server:
        print(f"{address(server)} shows the model; Ctrl-C ends.", flush=True)
        server.serve_forever()


class PageServer(http.server.ThreadingHTTPServer):
    """Serves the page and one model to browsers of this machine.

    Args:
        page: The folder of the built page.
        model: The model file.
        port: The port; 0 for any free one.
    """

    daemon_threads = True

    def __init__(self, page: pathlib.Path, model: pathlib.Path, port: int):
        self.page = page
        self.model = model
        super().__init__((_HOST, port), _Handler)


def open_server(
    model: pathlib.Path, page: pathlib.Path, port: int
) -> PageServer:
    """Checks a model and opens the port.

    Raises:
        FileNotFoundError: If `model` does not exist.
        ValueError: If the model is not a `.tflite` artifact.
        OSError: If the port is in use.
    """
    if read_spec(model).layout != "NHWC":
        raise ValueError(
            f"The page runs .tflite files. Received: MODEL={model}"
        )
    try:
        return PageServer(page, model, port)
    except OSError as error:
        raise OSError(
            f"--port={port} cannot be used: {error.strerror}. --port=0 takes "
            "any free port."
        ) from error


def address(server: PageServer) -> str:
    """Returns the address of the page with the model preselected."""
    # The page resolves the name relative to its own address.
    name = urllib.parse.quote(server.model.name)
    query = urllib.parse.urlencode({"model": f".{_MODEL}{name}"})
    return f"http://{_HOST}:{server.server_port}/?{query}"


def find_page(folder: str | None) -> pathlib.Path:
    """Returns the folder of the built page.

    Raises:
        FileNotFoundError: If the page is not there.
    """
    source = pathlib.Path(__file__).parents[2] / "web"
    page = source / "dist" if folder is None else pathlib.Path(folder)
    if (page / "index.html").is_file():
        return page
    if folder is None and (source / "package.json").is_file():
        advice = f"Build it with: cd {source} && npm ci && npm run build"
    else:
        advice = (
            "Build it in a checkout with `cd apps/web && npm ci && npm run "
            "build`, and name its folder dist with --page."
        )
    raise FileNotFoundError(f"There is no built page in {page}. {advice}")


class _Handler(http.server.SimpleHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    # Python's table depends on the machine.
    extensions_map = {  # noqa: RUF012 (as in the base class)
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
    }

    def do_GET(self):
        # Another site whose name leads to this machine must not read the model.
        hosts = {f"{name}:{self.server.server_port}" for name in _NAMES}
        if self.headers.get("Host") not in hosts:
            self.send_error(403, "This page is for this machine only")
            return
        super().do_GET()

    def translate_path(self, path):
        path = urllib.parse.urlsplit(path).path
        if urllib.parse.unquote(path) == _MODEL + self.server.model.name:
            return str(self.server.model)
        self.directory = str(self.server.page)
        return super().translate_path(path)

    def list_directory(self, path):
        self.send_error(404, "File not found")

    def end_headers(self):
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format, *args):
        pass
