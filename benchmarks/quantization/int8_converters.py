r"""Compares int8 artifacts of TensorFlow's converter and ai-edge-quantizer.

    pip install ai-edge-quantizer
    python -m benchmarks.quantization.int8_converters --preset=PRESET \
        --data=FOLDER

Both tools get the same trained causal network and the same streamed calibration
frames. ai-edge-quantizer quantizes the float32 artifact; its alignment utility
gives the input and the output of each cache the same scale. The benchmark
compares the size, the top-1 accuracy on held-out clips, the share of frames
that agree with float32, and the latency per step, measured in turns on one
thread. `int8_accuracy.py --preset=PRESET --data=FOLDER` can make the preset.
"""

import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import importlib.metadata

import tensorflow as tf
from absl import app, flags

from benchmarks.accuracy.gesture_streams import (
    agreement,
    gestures,
    stream,
    top1,
)
from benchmarks.timing import Ratio, print_machine, report
from tsm_export.calibration import streamed_states
from tsm_export.description import ExportError, describe
from tsm_export.tflite.export import export_tflite, signature_tensors
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_keras.models.presets import load_preset
from tsm_keras.models.streaming import cache_shapes, to_streaming
from tsm_live.artifact.file import write_spec
from tsm_live.runtimes.dry_run import dry_step

FLAGS = flags.FLAGS
flags.DEFINE_string("preset", None, "Preset that was trained on gestures.")
flags.DEFINE_string("data", None, "Folder that keeps the generated videos.")
flags.DEFINE_integer("training_clips", 100, "Calibration videos per class.")
flags.DEFINE_integer("test_clips", 50, "Test videos per class.")
flags.DEFINE_integer("rounds", 300, "Turns of each artifact.")
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")
flags.mark_flags_as_required(["preset", "data"])

SIGNATURE = "serving_default"


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(
        TensorFlow=tf.__version__,
        LiteRT=importlib.metadata.version("ai-edge-litert"),
        quantizer=importlib.metadata.version("ai-edge-quantizer"),
    )
    videos = gestures(
        FLAGS.data,
        training_clips=FLAGS.training_clips,
        test_clips=FLAGS.test_clips,
    )
    model = load_preset(FLAGS.preset)
    config = model.video_config
    print(
        f"{config.backbone.name}, width {config.backbone.width}, "
        f"{config.input.image_size} px"
    )
    clips, labels = videos.test_clips(config)
    with tempfile.TemporaryDirectory() as folder:
        paths = export(model, videos, pathlib.Path(folder))
        logits = {name: stream(path, clips) for name, path in paths.items()}
        for name, path in paths.items():
            print(
                f"{name:20}{path.stat().st_size / 1e6:8.3f} MB   "
                f"top-1 {top1(logits[name], labels):7.2%}   "
                f"as float32 {agreement(logits[name], logits['float32']):7.2%}"
            )
        times = interleave(
            {name: dry_step(path, threads=1) for name, path in paths.items()},
            rounds=FLAGS.rounds,
            untimed_calls=1,
            clock=FLAGS.clock,
        )
    report(
        times,
        [
            Ratio("float32", "converter"),
            Ratio("float32", "ai-edge-quantizer"),
            Ratio("ai-edge-quantizer", "converter"),
        ],
    )


def export(model, videos, folder):
    """Exports the artifacts; returns their paths by name."""
    calibration = videos.calibration_clips(model.video_config, seed=0)
    paths = {}
    for name, quantize in (("float32", "none"), ("converter", "int8")):
        paths[name] = folder / f"{name}.tflite"
        export_tflite(
            model,
            paths[name],
            quantize=quantize,
            calibration_clips=calibration,
        )
    streaming = to_streaming(model)
    states = list(streamed_states(streaming, calibration))
    caches = list(cache_shapes(streaming))
    for name, aligned in (("unaligned", False), ("ai-edge-quantizer", True)):
        content = quantize_float(paths["float32"], states, caches, aligned)
        try:
            spec = describe(
                *signature_tensors(content),
                model.video_config,
                kind="stream",
                quantization="int8",
            )
        except ExportError as error:
            print(f"ai-edge-quantizer, {name}: {error}")
            continue
        paths[name] = folder / f"{name}.tflite"
        paths[name].write_bytes(content)
        write_spec(paths[name], spec)
    return paths


def quantize_float(path, states, caches, aligned):
    """Returns a float32 artifact as quantized by ai-edge-quantizer."""
    from ai_edge_quantizer import quantizer, recipe
    from ai_edge_quantizer.utils import calibration_utils

    tool = quantizer.Quantizer(os.fspath(path), recipe.static_wi8_ai8())
    ranges = tool.calibrate({SIGNATURE: states}, num_threads=1)
    if aligned:
        utility = calibration_utils.CalibrationQsvAlignmentUtils(
            os.fspath(path)
        )
        for name in caches:
            utility.align_quant_stats(
                ranges, {SIGNATURE: [name, f"{name}_out"]}
            )
    result = tool.quantize(ranges, enable_progress_report=False)
    return bytes(result.quantized_model)


if __name__ == "__main__":
    app.run(main)
