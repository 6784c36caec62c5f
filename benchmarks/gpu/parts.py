"""The parts of `device`, each of which runs in a process of its own.

    python -m benchmarks.gpu.parts PART FILE OPTIONS

runs a part on an artifact and prints what it found as one line of JSON.
"""

import json
import pathlib
import subprocess
import sys
import time
import traceback

import numpy as np

from tsm_export.verify.matched_boxes import largest_difference, matched_boxes
from tsm_live.artifact.file import load_artifact, read_spec
from tsm_live.runtimes.dry_run import memory
from tsm_live.runtimes.network import AcceleratorError
from tsm_live.runtimes.open_network import open_here
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.clip_session import ClipSession
from tsm_live.sessions.detection_prediction import DetectionPrediction
from tsm_live.sessions.open_session import StreamingSession

_RESET_STEPS = 5
_WARM_UP = 500  # Steps of a soak after which buffers are allocated.


def stored_frames(folder: pathlib.Path, size: int) -> np.ndarray:
    """Returns the `[T, size, size, 3]` uint8 frames of a folder."""
    return enlarge(np.load(folder / "frames.npy"), size)


def enlarge(frames: np.ndarray, size: int) -> np.ndarray:
    """Repeats pixels, which every machine does alike.

    Args:
        frames: `[..., S, S, 3]`.
        size: The height and width to return.
    """
    places = np.arange(size) * frames.shape[-2] // size
    return frames[..., places, :, :][..., places, :]


def agreement(
    path: pathlib.Path, *, compute: str, caches: str, steps: int
) -> dict:
    """Streams frames on the GPU; compares the outputs with the CPU's.

    Args:
        path: An artifact for one stream.
        compute: `"float32"`, or `"float16"`, which is LiteRT's default.
        caches: `"swapped"` on the device by a session, or `"copied"` through
            the memory of the host.
        steps: The number of frames.
    """
    spec = read_spec(path)
    frames = stored_frames(path.parent, spec.image_size)[:steps]
    start = time.perf_counter()
    if caches == "copied":
        network = _gpu_network(path, compute)
        session = Session(spec, lambda: network)
        result = {"open_s": time.perf_counter() - start}
        predictions = []
        for frame in frames:
            predictions.append(session.step(frame))
            network.write_state(network.read_state())
        found = stacked(predictions)
    else:
        session = _gpu_session(path, compute)
        result = {"open_s": time.perf_counter() - start}
        found = stream(session, frames)
        session.reset()
        again = stream(session, frames[:_RESET_STEPS])
        result["reset_exact"] = all(
            np.array_equal(values, found[name][:_RESET_STEPS])
            for name, values in again.items()
        )
    return result | _compare_with_files(path, found)


def clip(path: pathlib.Path, *, compute: str, steps: int) -> dict:
    """Runs clips on the GPU; compares the outputs with the CPU's.

    Args:
        path: A clip artifact.
        compute: As for `agreement`.
        steps: The number of frames in all clips together.
    """
    spec = read_spec(path)
    start = time.perf_counter()
    session = ClipSession(spec, lambda: _gpu_network(path, compute))
    result = {"open_s": time.perf_counter() - start}
    frames = stored_frames(path.parent, spec.image_size)[:steps]
    return result | _compare_with_files(path, run_clips(session, frames))


def run_clips(session: ClipSession, frames: np.ndarray) -> dict:
    """Runs as many clips as the frames fill; returns their outputs."""
    length = session.spec.frame.shape[0]
    predictions: list = []
    for start in range(0, len(frames) - length + 1, length):
        clip = list(frames[start : start + length])
        if session.spec.detection:
            predictions += session.detect_squares(clip)
        else:
            predictions.append(session.classify_squares(clip))
    return stacked(predictions)


def streams(path: pathlib.Path, *, compute: str, steps: int) -> dict:
    """Streams different frames side by side, on the GPU and on the CPU.

    Stream 0 stands still at every second step, and stream 1 begins anew in
    the middle.

    Args:
        path: An artifact for several streams.
        compute: As for `agreement`.
        steps: The number of steps.
    """
    spec = read_spec(path)
    frames = stored_frames(path.parent, spec.image_size)
    on_gpu = _gpu_session(path, compute)
    on_cpu = StreamingSession(path, threads=4)
    return _compare(
        "cpu",
        spec,
        _side_by_side(on_gpu, frames, steps),
        _side_by_side(on_cpu, frames, steps),
    )


def _side_by_side(session, frames, steps):
    rng = np.random.default_rng(0)
    predictions: list = []
    for step in range(steps):
        if step == steps // 2:
            session.reset(1)
        chosen = rng.integers(0, len(frames), session.streams)
        fed: list[np.ndarray | None] = list(frames[chosen])
        if step % 2:
            fed[0] = None
        predictions += [p for p in session.step_streams(fed) if p is not None]
    return stacked(predictions)


def soak(path: pathlib.Path, *, steps: int) -> dict:
    """Streams for a long time: is the last result right, is memory flat?

    If each cache holds the features of a few frames, then the network remembers
    at most the sum of these: a fresh stream of the last frames must end the
    same.

    Args:
        path: An artifact for one stream.
        steps: The number of frames.
    """
    spec = read_spec(path)
    session = StreamingSession(path, accelerator="gpu")
    frames = stored_frames(path.parent, spec.image_size)
    held = host = gpu = 0
    finite = True
    for step in range(steps):
        last = stacked([session.step(frames[step % len(frames)])])
        finite = finite and all(np.isfinite(x).all() for x in last.values())
        if step == min(_WARM_UP, steps // 2):
            held, host, gpu = step, memory(), _gpu_memory()
    result = {
        "steps": steps - held,
        "finite": finite,
        "host_growth_mb": (memory() - host) / 1e6,
        "gpu_growth_mb": _gpu_memory() - gpu,
        "gpu_mb": _gpu_memory(),
    }
    remembered = [cache.frames for cache in spec.caches]
    if 0 in remembered:  # Of all frames so far.
        return result
    window = np.arange(max(0, steps - sum(remembered) - 1), steps)
    window %= len(frames)
    session.reset()
    fresh = stream(session, frames[window])
    result["as_fresh"] = all(
        np.array_equal(values[0], fresh[name][-1])
        for name, values in last.items()
    )
    on_cpu = stream(StreamingSession(path, threads=4), frames[window])
    expected = {name: values[-1:] for name, values in on_cpu.items()}
    return result | _compare("cpu", spec, last, expected)


def _gpu_memory():
    """Returns the megabytes in use on the card, 0 where nobody can tell."""
    query = ["nvidia-smi", "--query-gpu=memory.used"]
    try:
        printed = subprocess.run(
            [*query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(printed.split()[0])


def times(path: pathlib.Path, *, threads: list[int], seconds: float) -> dict:
    """Times a session's step on the GPU and on this machine's CPU, in turns.

    Args:
        path: An artifact for streams.
        threads: The numbers of threads to try on the CPU.
        seconds: About how long to measure.

    Returns:
        The median milliseconds of each, their ratio to the CPU's first, and
        the GPU's frames per second.
    """
    spec = read_spec(path)
    sessions = {
        "gpu": StreamingSession(path, accelerator="gpu"),
        "gpu_float32": _gpu_session(path, "float32"),
        **{f"cpu_{n}": StreamingSession(path, threads=n) for n in threads},
    }
    frames = list(stored_frames(path.parent, spec.image_size)[: spec.streams])
    measured: dict[str, list[float]] = {name: [] for name in sessions}
    end = float("inf")
    turn = 0
    while turn < 3 or time.perf_counter() < end:
        turn += 1
        for name, session in sessions.items():
            session.step_streams(frames)  # So that memory caches are its own.
            start = time.perf_counter()
            session.step_streams(frames)
            measured[name].append(time.perf_counter() - start)
        if turn == 2:  # The first turns only warm up.
            end = time.perf_counter() + seconds
    medians = {name: np.median(s[2:]) for name, s in measured.items()}
    base = medians[f"cpu_{threads[0]}"]
    return {
        "turns": turn - 2,
        **{f"{name}_ms": 1e3 * found for name, found in medians.items()},
        **{f"{name}_speedup": base / found for name, found in medians.items()},
        "gpu_frames_per_s": spec.streams / medians["gpu"],
    }


def _gpu_session(path, compute):
    if compute == "float16":
        return StreamingSession(path, accelerator="gpu")
    return Session(read_spec(path), lambda: _gpu_network(path, compute))


def _gpu_network(path, compute):
    return open_here(
        *load_artifact(path),
        accelerator="gpu",
        enforce_float32=compute == "float32",
    )


def stream(session: Session, frames: np.ndarray) -> dict:
    """Streams frames of the network's size; returns the outputs."""
    return stacked([session.step_squares([frame])[0] for frame in frames])


def stacked(predictions: list) -> dict[str, np.ndarray]:
    """Returns the outputs of predictions by their name, one row for each.

    They are `logits`, or a detector's `heatmap`, `box_size` and `box_offset`.
    """
    outputs = [
        prediction.outputs
        if isinstance(prediction, DetectionPrediction)
        else {"logits": prediction.logits}
        for prediction in predictions
    ]
    return {
        name: np.stack([each[name] for each in outputs]) for name in outputs[0]
    }


def _compare_with_files(path, found):
    """Compares with what `prepare` got on the CPU.

    With the outputs of this file, and with those of its float32 brother.
    """
    spec = read_spec(path)
    own = path.with_suffix(".npz")
    result = _compare("file", spec, found, np.load(own))
    brother = own.with_name(own.name.replace(f"_{spec.quantization}", "_none"))
    if brother.exists():
        result |= _compare("float32", spec, found, np.load(brother))
    return result


def _compare(name, spec, found, expected):
    """Returns the largest error, and how often the same is recognized.

    These are the matched boxes of a detector. For a classifier it is how often
    the same class comes first after each class's mean over the frames is taken
    off, so that the frame decides, however untrained the network.
    """
    rows = len(next(iter(found.values())))
    expected = {output: values[:rows] for output, values in expected.items()}
    result = {f"{name}_error": largest_difference(found, expected)}
    if spec.detection:
        matched, boxes = matched_boxes(spec, found, expected)
        result[f"{name}_boxes"] = boxes
        result[f"{name}_matched"] = matched / max(boxes, 1)
    elif rows > 1:
        logits = found["logits"], expected["logits"]
        firsts = [(x - logits[1].mean(0)).argmax(-1) for x in logits]
        result[f"{name}_top1"] = float(np.mean(firsts[0] == firsts[1]))
    return result


_PARTS = {f.__name__: f for f in (agreement, clip, streams, soak, times)}


def _main(part, path, options):
    try:
        result = _PARTS[part](pathlib.Path(path), **json.loads(options))
    except AcceleratorError as error:
        result = {"refused": " ".join(str(error).split())}
    except Exception as error:
        traceback.print_exc()  # LiteRT prints after it.
        result = {"error": f"{type(error).__name__}: {error}"}
    # On a line of its own: LiteRT prints too, and does not end its lines.
    print(f"\n{json.dumps(result, default=float)}", flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
