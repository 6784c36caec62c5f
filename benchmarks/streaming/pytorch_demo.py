"""Compares our artifacts with the TSM authors' online demo in PyTorch.

    python -m benchmarks.streaming.pytorch_demo

The MobileNetV2 1.0 of the demo (online_demo/mobilenet_v2_tsm.py of the authors'
repository), rebuilt for the tests that import its weights, runs eagerly on one
thread at 224 pixels, as in the main loop of the demo. The same network streams
through LiteRT in float32 and in int8. All have random weights and take turns in
one run. A step includes feeding the caches back.

The benchmark needs PyTorch and takes about a minute. The exit status is 1 if a
bar is missed.
"""

import importlib.metadata
import pathlib
import sys
import tempfile

import numpy as np
import tensorflow as tf
import torch
from absl import app

from benchmarks.streaming.streaming_latency import FLAGS, NUM_CLASSES, build
from benchmarks.timing import Ratio, print_machine, report
from tsm_export.tflite.export import export_tflite
from tsm_export.verify.interleave import interleave
from tsm_live.runtimes.dry_run import dry_step

# The rebuilt network is in the tests.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from testing.torch_networks import Online

_BARS = {"none": ("float32", 2.7), "int8": ("int8", 4.0)}


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(
        TensorFlow=tf.__version__,
        LiteRT=importlib.metadata.version("ai-edge-litert"),
        PyTorch=torch.__version__,
    )
    size = FLAGS.image_size
    print(f"MobileNetV2 1.0, {size} px, 1 thread, {FLAGS.clock} time")
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (1, 8, size, size, 3), dtype=np.uint8)
    steps, model = {"PyTorch": torch_step(size)}, build("causal")
    with tempfile.TemporaryDirectory() as folder:
        for quantize, (name, _) in _BARS.items():
            path = pathlib.Path(folder) / f"{name}.tflite"
            export_tflite(
                model, path, quantize=quantize, calibration_clips=frames
            )
            steps[name] = dry_step(path)
        times = interleave(
            steps, rounds=FLAGS.rounds, untimed_calls=1, clock=FLAGS.clock
        )
    ratios = [
        Ratio("PyTorch", name, at_least=bar) for name, bar in _BARS.values()
    ]
    return 0 if report(times, ratios) else 1


def torch_step(size):
    """Returns a step of the demo network that feeds its caches back."""
    torch.set_num_threads(1)
    network = Online(NUM_CLASSES).eval()
    frame = torch.rand(1, 3, size, size)
    caches = None  # The network starts the stream with zeros.

    def step():
        nonlocal caches
        with torch.inference_mode():
            logits, caches = network(frame, caches)
        return logits

    return step


if __name__ == "__main__":
    app.run(main)
