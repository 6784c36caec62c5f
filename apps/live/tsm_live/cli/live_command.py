"""`tsm-live --model=FILE --source=...`: runs sources through an artifact."""

import contextlib
import sys
from collections.abc import Sequence

from absl import flags

from tsm_live.cli.command_line import (
    CommandLine,
    RuntimeOptions,
    add_runtime,
    given,
)
from tsm_live.cli.own_files import check_written
from tsm_live.decision.artifact_defaults import decision_configs
from tsm_live.decision.event_log import EventLog
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.detection.tracks import TrackConfig
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


def main(arguments: Sequence[str]) -> int:
    """Runs sources until they end, or somebody ends the run.

    Returns:
        The exit status: 0, or 1 if a source failed.

    Raises:
        ValueError, OSError, ImportError: For errors that the user can fix.
    """
    if "--version" in arguments:
        print(f"tsm-live {__version__}")
        return 0
    options = command_line().parse(arguments)
    names = options.source
    source_options = SourceOptions(**given(options, SourceOptions))
    _check_files(options)
    wanted = _view_options(options)
    with contextlib.ExitStack() as stack:
        ending = stack.enter_context(Ending())
        sessions = open_sessions(
            options.model, len(names), **given(options, RuntimeOptions)
        )
        config = LiveConfig(
            decision=_rules(sessions.spec, options),
            real_time=wanted.is_watched,
            **given(options, LiveConfig),
        )
        # Raises errors before any source or view is opened.
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
    """Refuses a run that would write over one of its own files."""
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


def _rules(spec, options):
    """Returns the rules of the decision, as the flags of the task say.

    Raises:
        ValueError: If a flag of the other task is given, or a value is wrong.
    """
    gestures = given(options, DecisionConfig)
    objects = given(options, TrackConfig)
    unused = list(objects)
    if spec.detection:
        unused = [*gestures, *(["head"] if options.head else [])]
    if unused:
        raise ValueError(
            f"--{unused[0]} has no effect on an artifact with the task "
            f"{spec.task!r}."
        )
    if spec.detection:
        return TrackConfig(**objects)
    return decision_configs(spec, gestures, options.head)


def _open_events(path, stack):
    if path is None:
        return _ignore
    log = EventLog(path)
    stack.callback(log.close)
    return log.write


def _ignore(source, event):
    pass


def _view_options(options):
    views = ViewOptions(**given(options, ViewOptions))
    wanted = (views.window, views.web, views.output, options.events)
    if wanted == (False, None, None, None):
        views = with_default_view(views)
    for name in given(options, ViewOptions):
        if name == "screenshots" and not views.window:
            raise ValueError("--screenshots has no effect without --window.")
        if name.startswith("web_") and views.web is None:
            raise ValueError(f"--{name} has no effect without --web.")
    return views


def command_line() -> CommandLine:
    """Returns the flags."""
    command = CommandLine(
        "tsm-live",
        "runs a streaming TSM artifact over cameras, streams and files: it "
        "recognises gestures or actions, or finds and follows objects. "
        "`tsm-live benchmark` measures the time of each step.",
        required=("model", "source"),
    )
    add_runtime(command)
    command.define(
        "sources",
        (
            "source",
            flags.DEFINE_multi_string,
            [],
            "The number or path of a camera, a video file, the rtsp://, "
            "http://, tcp:// or udp:// address of a stream, gst: followed by a "
            "GStreamer pipeline, or - for raw frames on stdin.",
        ),
    )
    command.define_fields(
        "sources", SourceOptions(), choices={"stdin_format": tuple(FORMATS)}
    )
    output = "output (default: a window if there is a display, else --web=8080)"
    command.define_fields(output, ViewOptions())
    command.define(
        output,
        (
            "events",
            flags.DEFINE_string,
            None,
            "Append gestures, or objects that appear and disappear, to this "
            "file as JSON lines; - is stdout.",
        ),
        ("quiet", flags.DEFINE_boolean, False, "Print no summary at the end."),
        ("version", flags.DEFINE_boolean, False, "Print the version and end."),
    )
    decides = "when a gesture starts and ends"
    command.define(
        decides,
        (
            "head",
            flags.DEFINE_multi_string,
            [],
            "The head that decides, such as verb or noun (default: all heads "
            "of the network, each for itself).",
        ),
    )
    command.define_fields(
        decides, DecisionConfig(), default="the artifact's, else {}"
    )
    command.define_fields(
        "when an object of a detector appears and disappears", TrackConfig()
    )
    command.define_fields(
        "when the network starts anew",
        LiveConfig(),
        ("max_gap", "restart_on_cut"),
    )
    return command
