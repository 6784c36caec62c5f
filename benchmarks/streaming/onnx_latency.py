"""Compares ONNX Runtime with LiteRT: latency per frame and size of files.

    python -m benchmarks.streaming.onnx_latency
    python -m benchmarks.streaming.onnx_latency --backbone resnet50 --rounds 30

Exports the causal streaming network, with random weights, to every kind of
`.onnx` and to `.tflite` in float32 and int8, and runs them in turns on the CPU.
A step includes feeding the caches back. The int8 file for TensorRT is included
for its size; it is not made for a CPU and is slow there.

The flags are those of `streaming_latency.py`. The benchmark takes about two
minutes.
"""

import importlib.metadata
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl import app

from benchmarks.streaming.streaming_latency import FLAGS, build
from benchmarks.timing import Ratio, print_machine, report
from tsm_export.onnx.export import export_onnx
from tsm_export.onnx.precision import ONNX_QUANTIZATIONS
from tsm_export.tflite.export import export_tflite
from tsm_export.verify.interleave import interleave
from tsm_live.runtimes.dry_run import dry_step

_FILES = (
    *(("tflite", quantize) for quantize in ("none", "int8")),
    *(("onnx", quantize) for quantize in ONNX_QUANTIZATIONS),
)
_EXPORTS = {"tflite": export_tflite, "onnx": export_onnx}


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    packages = ("onnx", "onnxruntime", "tf2onnx", "ai-edge-litert")
    print_machine(
        TensorFlow=tf.__version__,
        **{name: importlib.metadata.version(name) for name in packages},
    )
    print(
        f"network: {FLAGS.backbone}, width {FLAGS.width}, "
        f"{FLAGS.image_size} px, {FLAGS.threads} thread(s), "
        f"{FLAGS.clock} time"
    )
    model, size = build("causal"), FLAGS.image_size
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (1, 8, size, size, 3), dtype=np.uint8)
    steps = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, quantize in _FILES:
            path = pathlib.Path(folder) / f"{quantize}.{kind}"
            _EXPORTS[kind](
                model, path, quantize=quantize, calibration_clips=frames
            )
            steps[f"{kind} {quantize}"] = dry_step(path, threads=FLAGS.threads)
            print(f"{kind} {quantize}: {path.stat().st_size / 1e6:.2f} MB")
        times = interleave(
            steps, rounds=FLAGS.rounds, untimed_calls=1, clock=FLAGS.clock
        )
    report(
        times,
        [
            Ratio("onnx none", "tflite none"),
            Ratio("onnx int8", "tflite int8"),
            Ratio("tflite none", "tflite int8"),
            *(
                Ratio("onnx none", f"onnx {quantize}")
                for quantize in ONNX_QUANTIZATIONS
                if quantize != "none"
            ),
        ],
    )


if __name__ == "__main__":
    app.run(main)
