"""The credentials of a source reach the camera, and no output of a run."""

import asyncio
import contextlib
import tempfile
from unittest import mock

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from testing.artifacts import random_artifact
from testing.command_line import start_tsm_live
from testing.network_camera import NetworkCamera
from testing.web_viewers import receive_message
from tsm_live.cli.main import main
from tsm_live.decision.event_log import EventLog
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.live.live_state import Command
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import open_sessions
from tsm_live.sources.open_source import open_sources
from tsm_live.views import drawing, window
from tsm_live.views.open_views import ViewOptions, open_views
from tsm_live.views.web.message import encode_message

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

_EAGER = ("--average=0", "--start_score=0", "--end_score=0", "--min_duration=0")
_WORDS = st.text("QXZ019", min_size=8, max_size=12)


class _Window:
    """Stands in for a window; shows what `draw` draws, and quits."""

    titles, messages = [], []

    def __init__(self, title, *, screenshots):
        self.titles.append(title)
        self._count = 0

    def show(self, state):
        drawing.draw(state)  # As in a window and in a screenshot.
        self.messages.append(encode_message(state))
        self._count += 1

    def poll(self):
        return [Command.QUIT] if self._count >= 30 else []

    def close(self):
        pass


def _address(camera, user, password, token):
    scheme, _, rest = camera.address.partition("://")
    return (
        f"{scheme}://{user}:{password}@{rest}/stream.cgi"
        f"?access_token={token}&channel=2"
    )


@settings(
    max_examples=4,
    phases=[Phase.generate],  # To shrink a failure would take minutes.
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    scheme=st.sampled_from(["rtsp", "http"]),
    user=_WORDS,
    password=_WORDS,
    token=_WORDS,
)
def test_nothing_that_a_run_puts_out_holds_credentials(
    scheme, user, password, token, capsys
):
    credentials = f"{user}:{password}" if scheme == "rtsp" else None
    drawn = []

    def put_text(picture, text, *rest, **options):
        drawn.append(text)

    with (
        # It hangs up once, so that there are warnings too.
        NetworkCamera(
            [(25, "hang up"), (100, "stall")], scheme, credentials=credentials
        ) as camera,
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(window, "WindowView", _Window),
        mock.patch.object(drawing, "put_text", put_text),
        contextlib.ExitStack() as stack,
    ):
        address = _address(camera, user, password, token)
        sources = open_sources([address])
        views = open_views(
            ViewOptions(window=True, output=f"{folder}/out.mkv"),
            [source.name for source in sources],
            stack,
        )
        events = EventLog(f"{folder}/events.jsonl")
        summaries, errors = run_live(
            sources,
            open_sessions(random_artifact(), 1),
            views,
            LiveConfig(
                DecisionConfig(
                    average=0, start_score=0, end_score=0, min_duration=0
                )
            ),
            on_event=events.write,
        )
        events.close()
        with open(f"{folder}/events.jsonl") as file:
            lines = file.read()
    assert not errors and summaries[0].frames >= 30
    # The camera did get all of it.
    assert any(f"access_token={token}" in line for line in camera.asked)
    outputs = {
        "drawn": "\n".join(drawn),
        "titles": "\n".join(_Window.titles),
        "messages": b"".join(_Window.messages).decode("latin1"),
        "events": lines,
        "summary": f"{summaries[0]}",
        "stderr": capsys.readouterr().err,
    }
    assert "is back" in outputs["stderr"]
    title = sources[0].name
    assert title.endswith("/stream.cgi?access_token=***&channel=2")
    for name, text in outputs.items():
        for secret in (user, password, token):
            assert secret not in text, name
        if name != "drawn":  # There it may be cut.
            assert title in text, name


def test_nothing_that_the_command_writes_holds_credentials(tmp_path):
    secrets = ("QQQQ1111", "ZZZZ2222", "XXXX3333")

    async def watch(url):
        async with aiohttp.ClientSession() as client:
            async with client.get(url) as response:
                page = await response.text()
            async with client.ws_connect(url.replace("/?", "/live?")) as viewer:
                words, _ = await receive_message(viewer)
                await viewer.send_str("quit")
                await asyncio.sleep(0.5)
        return page, words

    with NetworkCamera(
        [(200, "stall")], "rtsp", credentials=":".join(secrets[:2])
    ) as camera:
        process = start_tsm_live(
            *(f"--model={random_artifact()}", "--web=0", *_EAGER),
            *(f"--source={_address(camera, *secrets)}", "--timeout=60"),
            f"--events={tmp_path}/events.jsonl",
            f"--output={tmp_path}/out.mkv",
        )
        line = process.stderr.readline()
        page, words = asyncio.run(watch(line.split()[-1]))
        output, error = process.communicate(timeout=120)
    assert process.returncode == 0
    events = (tmp_path / "events.jsonl").read_text()
    for text in (line, page, str(words), output, error, events):
        assert not any(secret in text for secret in secrets), text
    assert "***@127.0.0.1" in line and "***@127.0.0.1" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--source=rtsp://{}:{}@127.0.0.1:1/a?token={}", "--events=-"],
        ["--source=xyz://{}:{}@127.0.0.1:1/a?token={}", "--events=-"],
        ["--source=http://{}:{}@127.0.0.1:1/a.mp4?token={}", "--events=-"],
        ["--source=rtsp:/{}:{}@127.0.0.1:1/a?token={}", "--events=-"],
        ["--source={}:{}@127.0.0.1:1/a?token={}", "--events=-"],
        ["--source=file://{}:{}@c/a?token={}", "--events=-"],
        ["--source=rtsp://{}:{}@c/a?token={}"] * 2,
        ["--source=gst:rtspsrc location=rtsp://{}:{}@c/?token={} ! appsink"],
        ["benchmark", "--source=http://{}:{}@127.0.0.1:1/a.mp4?token={}"],
    ],
)
def test_no_error_holds_credentials(arguments, capsys):
    secrets = ("QQQQ1111", "ZZZZ2222", "XXXX3333")
    arguments = [argument.format(*secrets) for argument in arguments]
    assert main([*arguments, f"--model={random_artifact()}"]) == 1
    output, error = capsys.readouterr()
    assert not output and error.count("\n") == 1
    assert error.startswith("tsm-live: error: ")
    assert not any(secret in error for secret in secrets), error
