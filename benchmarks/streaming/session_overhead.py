"""Measures the time that a session adds to the bare interpreter.

    python -m benchmarks.streaming.session_overhead

The network is MobileNetV2 at 224 pixels with random weights, as float32 and as
int8, in LiteRT on the CPU. "Bare" is the interpreter alone: it sets a converted
frame, invokes the network and reads the logits, and does not update the caches.
"Session" is a step with a uint8 frame of 224 pixels, which also converts
the frame, feeds the caches back and names the class. "Swapped" is a
`CompiledNetwork` on the CPU, which swaps two sets of cache buffers. Sessions do
so for large caches only; caches as small as these are copied within the
interpreter. The resizing of camera frames is timed separately.

The benchmark takes a minute. The exit status is 1 if a bar is missed.
"""

import importlib.metadata
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from absl import app, flags

from benchmarks.streaming.mobilenet_artifact import mobilenet_artifact
from benchmarks.timing import Ratio, print_machine, report
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_live import StreamingSession
from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.preprocessing import fit_frame
from tsm_live.artifact.quantization import quantize as as_numbers
from tsm_live.runtimes.compiled_network import CompiledNetwork
from tsm_live.runtimes.dry_run import step_of
from tsm_live.runtimes.interpreter_network import (
    load_interpreter,
    signature_details,
)

FLAGS = flags.FLAGS
flags.DEFINE_integer("threads", 1, "Threads of each interpreter.")
flags.DEFINE_integer("rounds", 300, "Turns of each variant.", lower_bound=1)
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")

_SIZE = 224
_CAMERAS = ((480, 640), (720, 1280))


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(LiteRT=importlib.metadata.version("ai-edge-litert"))
    frame = np.random.default_rng(0).integers(0, 256, (_SIZE, _SIZE, 3))
    frame = frame.astype(np.uint8)
    variants, ratios = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for dtype, quantize in (("float32", "none"), ("int8", "int8")):
            path = mobilenet_artifact(pathlib.Path(folder), quantize=quantize)
            bare, again = f"bare {dtype}", f"bare {dtype}, again"
            steps = bare_step(path, frame)
            variants[bare] = steps
            variants[f"session {dtype}"] = session_step(path, frame)
            variants[f"swapped {dtype}"] = swapped_step(path)
            # The same step is timed under two names; their ratio is the noise.
            variants[again] = steps
            ratios += [
                Ratio(f"session {dtype}", bare, at_most=1.05),
                Ratio(f"swapped {dtype}", bare),
                Ratio(again, bare),
            ]
        for height, width in _CAMERAS:
            name = f"resize from {width}x{height}"
            variants[name] = resize_step(height, width)
        times = interleave(
            variants, rounds=FLAGS.rounds, untimed_calls=1, clock=FLAGS.clock
        )
    return 0 if report(times, ratios) else 1


def bare_step(path, frame):
    spec, content = load_artifact(path)
    interpreter = load_interpreter(content, threads=FLAGS.threads)
    inputs, outputs = signature_details(interpreter)
    into = inputs[spec.frame.name]["index"]
    logits = outputs[spec.logits.name]["index"]
    numbers = as_numbers(frame[None], spec.frame)

    def step():
        interpreter.set_tensor(into, numbers)
        interpreter.invoke()
        return interpreter.get_tensor(logits)

    return step


def session_step(path, frame):
    session = StreamingSession(path, threads=FLAGS.threads)
    return lambda: session.step(frame)


def swapped_step(path):
    """Returns a step that swaps two sets of cache buffers."""
    spec, content = load_artifact(path)
    return step_of(CompiledNetwork(spec, content, threads=FLAGS.threads), spec)


def resize_step(height, width):
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3))
    frame = frame.astype(np.uint8)
    return lambda: fit_frame(frame, _SIZE * 8 // 7, _SIZE)


if __name__ == "__main__":
    app.run(main)
