"""open_views: what shows a run, as asked for on the command line."""

import contextlib
import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence

from tsm_live.live_state import View
from tsm_live.per_source import PerSource

_PORT = 8080


@dataclasses.dataclass(frozen=True)
class ViewOptions:
    """Which views there are; if none is asked for, one is chosen.

    Attributes:
        window: Whether there is a window.
        web: Port of a web server, or None.
        web_host: As for `WebView`.
        web_token: As for `WebView`.
        output: Path of an MP4 to write, or None.
        others: Whether something else comes out of the run, so that nobody
            need see it.
    """

    window: bool = False
    web: int | None = None
    web_host: str = "127.0.0.1"
    web_token: str | None = None
    output: str | None = None
    others: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether no view is asked for, and nothing else either."""
        return not (
            self.window or self.web is not None or self.output or self.others
        )


def open_views(
    options: ViewOptions, sources: Sequence[str], stack: contextlib.ExitStack
) -> tuple[list[View], bool]:
    """Opens the views; `stack` closes them.

    Several sources are shown in a window, on a port (the next one) and in a
    file (`out_1.mp4`) each.

    Args:
        options: Which.
        sources: Names of the sources.
        stack: Gets what is to be closed.

    Returns:
        The views, and whether somebody watches now: in a window or on the web.

    Raises:
        OSError, ValueError, ImportError: As the views do.
    """

    def each(open_one: Callable[[int, str], View]) -> View:
        views: dict[str, View] = {}
        for number, name in enumerate(sources):
            views[name] = open_one(number, name)
            stack.callback(views[name].close)
        return PerSource(views) if len(views) > 1 else views[sources[0]]

    views = []
    window, port = options.window, options.web
    if options.is_silent:
        window, port = _choose()
    if window:
        views.append(each(lambda number, name: _window(name)))
    if port is not None:
        views.append(
            each(lambda number, name: _web(port, number, name, options))
        )
    is_watched = bool(views)
    if options.output:
        several = len(sources) > 1
        views.append(
            each(
                lambda number, name: _video_output(
                    options.output, number if several else None
                )
            )
        )
    return views, is_watched


def _choose():
    """Returns a window if there can be one, else a port."""
    from tsm_live.window import WindowError, check_window

    try:
        check_window()
    except WindowError:
        return False, _PORT
    return True, None


def _window(name):
    from tsm_live.window import WindowView

    return WindowView(f"tsm-live {name}")


def _web(port, number, name, options):
    try:
        from tsm_live.web import WebView
    except ImportError as error:
        raise ImportError(
            f'The web view needs more ({error}): pip install "tsm-live[web]"'
        ) from error

    view = WebView(
        port and port + number, host=options.web_host, token=options.web_token
    )
    print(f"tsm-live: {name} at {view.url}", file=sys.stderr)
    return view


def _video_output(path, number):
    from tsm_live.video_output import VideoOutput

    path = pathlib.Path(path)
    if number is not None:
        path = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return VideoOutput(path)
