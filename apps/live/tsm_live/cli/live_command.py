"""`tsm-live --model=FILE --source=...`: the flags and what they set up."""

import contextlib
import dataclasses
import sys
from collections.abc import Sequence

from tsm_live.cli.one_line_parser import OneLineParser, add_runtime
from tsm_live.cli.own_files import check_written
from tsm_live.decision.artifact_defaults import decision_config
from tsm_live.decision.event_log import EventLog
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.live.ending import Ending
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import open_sessions
from tsm_live.sources.open_source import (
    SourceOptions,
    open_sources,
    source_file,
)
from tsm_live.sources.raw_pipe import FORMATS
from tsm_live.version import __version__
from tsm_live.views.open_views import (
    ViewOptions,
    open_views,
    output_paths,
    with_default_view,
)

_DECISION = DecisionConfig()
_SOURCES = SourceOptions()
_VIEWS = ViewOptions()


def main(arguments: Sequence[str]) -> int:
    """Runs sources until they end, or somebody ends the run.

    Returns:
        0, or 1 if a source failed.

    Raises:
        ValueError, OSError, ImportError, AcceleratorError: What a user can
            mend.
    """
    options = new_parser().parse(arguments)
    names = options.source
    source_options = _source_options(options)
    _check_files(options)
    wanted = _view_options(options)
    with contextlib.ExitStack() as stack:
        ending = stack.enter_context(Ending())
        sessions = open_sessions(
            options.model,
            len(names),
            accelerator=options.accelerator,
            threads=options.threads,
        )
        config = _config(options, sessions.spec, real_time=wanted.is_watched)
        # What is wrong is said before anything opens.
        config.stages(sessions.spec)
        sources = open_sources(names, source_options)
        views = open_views(wanted, [each.name for each in sources], stack)
        on_event = _open_events(options.events, stack)
        summaries, errors = run_live(
            sources,
            sessions,
            views,
            config,
            on_event=on_event,
            wants_end=lambda: ending.wanted,
        )
    if not options.quiet:
        to = sys.stderr if options.events == "-" else sys.stdout
        for summary in summaries:
            if summary.frames:
                print(summary, file=to)
    for error in errors:
        print(f"tsm-live: error: {error}", file=sys.stderr)
    return 1 if errors else 0


def _check_files(options):
    """Nothing that the run writes may be what it reads."""
    names = options.source
    written = [
        ("--output", path) for path in output_paths(options.output, len(names))
    ]
    if options.events not in (None, "-"):
        written.append(("--events", options.events))
    read = [("--source", source_file(name)) for name in names]
    check_written(
        written,
        [("--model", options.model), *(r for r in read if r[1] is not None)],
    )


def _open_events(path, stack):
    if path is None:
        return _ignore
    log = EventLog(path)
    stack.callback(log.close)
    return log.write


def _ignore(source, event):
    pass


def _config(options, spec, *, real_time):
    given = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(DecisionConfig)
        if getattr(options, field.name) is not None
    }
    return LiveConfig(
        decision=decision_config(spec, given),
        max_gap=options.max_gap,
        restart_on_cut=options.restart_on_cut,
        real_time=real_time,
    )


def _view_options(options):
    given = {
        name: getattr(options, name)
        for name in ("screenshots", "web_host", "web_token", "web_origin")
        if getattr(options, name) is not None
    }
    views = ViewOptions(
        window=options.window, web=options.web, output=options.output, **given
    )
    silent = (options.window, options.web, options.output, options.events)
    if silent == (False, None, None, None):
        views = with_default_view(views)
    for name in given:
        if name == "screenshots" and not views.window:
            raise ValueError("--screenshots has no effect without --window.")
        if name != "screenshots" and views.web is None:
            raise ValueError(f"--{name} has no effect without --web.")
    return views


def _source_options(options):
    return SourceOptions(
        timeout=options.timeout,
        stdin_size=options.stdin_size,
        stdin_format=options.stdin_format,
        stdin_fps=options.stdin_fps,
    )


def new_parser() -> OneLineParser:
    """Returns the flags."""
    parser = OneLineParser(
        prog="tsm-live",
        description="Runs a streaming TSM artifact over cameras, streams and "
        "files. `tsm-live benchmark -h`: how long that takes.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}"
    )
    add_runtime(parser)
    parser.add_argument(
        "--source",
        required=True,
        action="append",
        help="the number or path of a camera, a video file, the rtsp://, "
        "http://, tcp:// or udp:// address of a stream, gst: and a GStreamer "
        "pipeline, or - for bare frames on stdin; may be repeated",
    )
    see = parser.add_argument_group(
        "what comes out",
        "Without any of these: a window where there can be one, else --web "
        "8080.",
    )
    see.add_argument("--window", action="store_true", help="on this screen")
    see.add_argument(
        "--screenshots",
        metavar="FOLDER",
        help="of the window (the current one)",
    )
    see.add_argument(
        "--web", type=int, metavar="PORT", help="in browsers; 0: a free port"
    )
    see.add_argument(
        "--web_host",
        metavar="HOST",
        help=f"to bind to ({_VIEWS.web_host})",
    )
    see.add_argument(
        "--web_token",
        metavar="TOKEN",
        help="that browsers must bring; by default a random one",
    )
    see.add_argument(
        "--web_origin",
        metavar="ADDRESS",
        help="of the proxy through which browsers see the page, such as "
        "https://example.org",
    )
    see.add_argument(
        "--output", metavar="FILE", help="an annotated .mp4, .mkv, .avi"
    )
    see.add_argument("--events", metavar="FILE", help="JSON lines; - is stdout")
    see.add_argument("--quiet", action="store_true", help="no summary")
    decide = parser.add_argument_group("when a gesture starts and ends")
    for name, text in (
        ("average", "seconds of logits that are averaged"),
        ("start_score", "from which on a gesture may start"),
        ("end_score", "below which it ends"),
        ("min_duration", "seconds for which it must lead before it starts"),
        ("cooldown", "seconds after an end in which none starts"),
    ):
        decide.add_argument(
            f"--{name}",
            type=float,
            metavar="X",
            help=f"{text} (as the artifact says, else "
            f"{getattr(_DECISION, name)})",
        )
    for name, text in (
        (
            "no_gesture",
            "a class that means there is none; may be repeated (those that the "
            "artifact names)",
        ),
        ("ignored", "a class to leave out altogether; may be repeated"),
    ):
        decide.add_argument(
            f"--{name}", action="append", metavar="CLASS", help=text
        )
    time = parser.add_argument_group("when the network starts anew")
    time.add_argument(
        "--max_gap",
        type=float,
        metavar="SECONDS",
        help="without a frame (1, or 3 frame intervals of the model; inf)",
    )
    time.add_argument(
        "--restart_on_cut", action="store_true", help="where the scene changes"
    )
    source = parser.add_argument_group("sources")
    source.add_argument(
        "--timeout",
        type=float,
        default=_SOURCES.timeout,
        metavar="SECONDS",
        help="until a network stream counts as gone (%(default)s)",
    )
    source.add_argument("--stdin_size", metavar="WIDTHxHEIGHT")
    source.add_argument(
        "--stdin_format", choices=FORMATS, default=_SOURCES.stdin_format
    )
    source.add_argument(
        "--stdin_fps", type=float, default=_SOURCES.stdin_fps, metavar="X"
    )
    return parser
