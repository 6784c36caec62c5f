"""open_views: opens the views of a run."""

import contextlib
import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from tsm_live.live.live_state import View

_PORT = 8080


@dataclasses.dataclass(frozen=True)
class ViewOptions:
    """Options that choose the views of a run.

    Attributes:
        window: Show the run in a window.
        screenshots: The folder for screenshots of the window.
        web: Serve the web view at this port; 0 picks a free port.
        web_host: The host name or address at which the web view is served.
        web_token: The token that browsers must send; by default a random one.
        web_origin: The address of the page if browsers reach it through a
            proxy, such as https://example.org.
        output: Write an annotated video to this .mp4, .mkv or .avi file.
    """

    window: bool = False
    screenshots: str = "."
    web: int | None = None
    web_host: str = "127.0.0.1"
    web_token: str | None = None
    web_origin: str | None = None
    output: str | None = None

    @property
    def is_watched(self) -> bool:
        """True if there is a window or a web view."""
        return self.window or self.web is not None


def with_default_view(options: ViewOptions) -> ViewOptions:
    """Adds a window if one can be opened, and otherwise the web view."""
    from tsm_live.views.window import WindowError, check_window

    try:
        check_window()
    except WindowError:
        return dataclasses.replace(options, web=_PORT)
    return dataclasses.replace(options, window=True)


def output_paths(output: str | None, sources: int) -> list[pathlib.Path]:
    """Returns the path of the video of each source; empty without output."""
    if output is None:
        return []
    path = pathlib.Path(output)
    if sources == 1:
        return [path]
    return [
        path.with_name(f"{path.stem}_{number}{path.suffix}")
        for number in range(sources)
    ]


def open_views(
    options: ViewOptions, sources: Sequence[str], stack: contextlib.ExitStack
) -> list[list[View]]:
    """Opens the views of each source.

    Each of several sources has its own window, port (counting up from the
    given one) and file (`out_0.mp4`, `out_1.mp4` and so on).

    Args:
        options: The options that choose the views.
        sources: The titles of the sources.
        stack: A stack that closes the views when it ends.

    Raises:
        OSError, ValueError, ImportError: If a view cannot be opened.
    """
    return [
        list(_open_views(options, sources, number, stack))
        for number in range(len(sources))
    ]


def _open_views(options, sources, number, stack):
    """Yields the views of one source."""
    if options.window:
        from tsm_live.views.window import WindowView

        title = f"tsm-live {sources[number]}"
        window = WindowView(title, screenshots=options.screenshots)
        stack.callback(window.close)
        yield window
    if options.web is not None:
        from tsm_live.views.web.web_view import WebView

        web = WebView(
            options.web and options.web + number,
            host=options.web_host,
            token=options.web_token,
            origin=options.web_origin,
        )
        stack.callback(web.close)
        shown = f"{sources[number]} is shown at {web.url}"
        print(f"tsm-live: {shown}", file=sys.stderr)
        yield web
    if options.output is not None:
        from tsm_live.views.video_output import VideoOutput

        path = output_paths(options.output, len(sources))[number]
        output = VideoOutput(path)
        stack.callback(_tell_of_dropped, output, path)
        stack.callback(output.close)  # Runs before the callback above.
        yield output


def _tell_of_dropped(output, path):
    if output.dropped:
        print(
            f"tsm-live: warning: {path} lacks {output.dropped} frames: the "
            "disk or the processor was too slow",
            file=sys.stderr,
        )
