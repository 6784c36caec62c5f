"""run_trial: an artifact's answers, computed in a process of its own.

A driver that crashes, or a runtime that leaks, then does so alone:

    python -m tsm_live.runtimes.trial FILE FOLDER OPTIONS

reads `FOLDER/clips.npy` and writes `FOLDER/logits.npy` and
`FOLDER/result.json`.
"""

import dataclasses
import json
import os
import pathlib
import sys
import tempfile

import numpy as np

from tsm_live.artifact.file import read_spec
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.dry_run import memory
from tsm_live.runtimes.own_process import ProcessError, run_module
from tsm_live.runtimes.replay import classify_clip, replay
from tsm_live.runtimes.runner import AcceleratorError, open_runner

# Of a soak: by then buffers are allocated, and growth is a leak.
_WARM_UP = 100


@dataclasses.dataclass(frozen=True)
class Trial:
    """What came of a trial.

    Attributes:
        logits: Of streams `[B, T, num_classes]`, of clips `[B, num_classes]`
            float32.
        recovered: Whether after the soak the network knew nothing but its
            last frames: a stream of these alone gives the same logits, bit
            for bit. None without a soak.
        growth: Bytes by which the process's memory grew in the soak.
    """

    logits: np.ndarray
    recovered: bool | None
    growth: int


def run_trial(
    path: str | os.PathLike,
    clips: np.ndarray,
    *,
    accelerator: str = "cpu",
    enforce_float32: bool = False,
    soak_frames: int = 0,
    environment: dict[str, str] | None = None,
) -> Trial:
    """Runs an artifact over clips.

    Args:
        path: An artifact.
        clips: `[B, T, S, S, 3]` uint8 RGB of the size it takes. An artifact
            for N streams gets N of them side by side, each on every stream.
        accelerator: `"cpu"` or `"gpu"`.
        enforce_float32: As for `open_runner`.
        soak_frames: Frames to stream on end, after the clips.
        environment: Variables to set for the process.

    Raises:
        ArtifactError: If the file is no artifact.
        AcceleratorError: If the accelerator does not take it all, or the
            process died.
    """
    read_spec(path)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.save(folder / "clips.npy", clips)
        options = {
            "accelerator": accelerator,
            "enforce_float32": enforce_float32,
            "soak_frames": soak_frames,
        }
        try:
            run_module(
                "tsm_live.runtimes.trial",
                *(os.fspath(path), name, json.dumps(options)),
                environment=environment,
            )
        except ProcessError as error:
            raise AcceleratorError(
                f"The process that ran {os.fspath(path)} on the {accelerator} "
                f"{error}"
            ) from error
        result = json.loads((folder / "result.json").read_text())
        if "refused" in result:
            raise AcceleratorError(result["refused"])
        return Trial(logits=np.load(folder / "logits.npy"), **result)


def _main(path, name, options):
    folder = pathlib.Path(name)
    options = json.loads(options)
    clips = np.load(folder / "clips.npy")
    soak_frames = options.pop("soak_frames")
    spec = read_spec(path)
    recovered, growth = None, 0
    try:
        runner = open_runner(path, **options)
        if spec.kind == "clip":
            logits = np.stack([classify_clip(runner, spec, c) for c in clips])
        else:
            logits = _stream(runner, spec, clips)
            if soak_frames:
                recovered, growth = _soak(runner, spec, clips, soak_frames)
    except AcceleratorError as error:
        (folder / "result.json").write_text(json.dumps({"refused": str(error)}))
        return
    np.save(folder / "logits.npy", logits)
    result = {"recovered": recovered, "growth": growth}
    (folder / "result.json").write_text(json.dumps(result))


def _stream(runner, spec: ArtifactSpec, clips) -> np.ndarray:
    """Returns `[B, T, num_classes]`; what a stream gives is its own."""
    logits = np.stack(
        [
            list(replay(runner, spec, _side_by_side(clips, first, spec)))
            for first in range(len(clips))
        ]
    )
    alone = logits[:, :, 0]
    for stream in range(spec.streams):
        found = np.roll(logits[:, :, stream], stream, axis=0)
        if np.abs(found - alone).max() > 1e-3 * np.abs(alone).max():
            raise AcceleratorError(f"Stream {stream} differs from stream 0.")
    return alone


def _side_by_side(clips, first, spec):
    """Yields the frames of N different clips, one a stream."""
    numbers = np.arange(first, first + spec.streams) % len(clips)
    yield from clips[numbers].swapaxes(0, 1)


def _soak(runner, spec, clips, num_frames):
    """Streams frames on end, then what the last of them alone give.

    A cache holds features of one frame, which depend on the caches before
    it: the network's memory is one frame a cache.
    """
    frames = clips.reshape(-1, *clips.shape[2:])
    order = np.arange(num_frames) % len(frames)

    def batches(numbers):
        for number in numbers:
            yield np.stack([frames[number]] * spec.streams)

    logits = np.zeros(0)
    before = 0
    for number, logits in enumerate(replay(runner, spec, batches(order))):
        if not np.isfinite(logits).all():
            raise AcceleratorError(
                f"Frame {number} of the soak gives {logits.tolist()}."
            )
        if number <= _WARM_UP:
            before = memory()
    growth = memory() - before
    last = order[-(len(spec.caches) + 1) :]
    *_, fresh = replay(runner, spec, batches(last))
    return bool(np.array_equal(logits, fresh)), growth


if __name__ == "__main__":
    _main(*sys.argv[1:])
