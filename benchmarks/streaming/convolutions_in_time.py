r"""Measures the speed of X3D and MixTConv against what they are compared with.

    python -m benchmarks.streaming.convolutions_in_time
    python -m benchmarks.streaming.convolutions_in_time --parts=x3d --rounds=5
    python -m benchmarks.streaming.convolutions_in_time --parts=mixtconv \
        --backbone=mobilenet_v2 --quantize=int8 --clock=cpu

The parts are:

- `x3d`: a clip of X3D-S in LiteRT (float32) against pytorchvideo's own network
  in PyTorch, eager and compiled, on the same cores; and a causal step of X3D-S
  against its clip of 13 frames, as a session runs it and with caches copied.
- `mixtconv`: a streaming step of MixTConv against the plain 2-D network and
  against TSM, and against itself with caches copied.
- `training`: a training step of MixTConv against one of TSM, with two clips of
  8 frames.

All networks have random weights and take turns in one run. PyTorch's need
`pip install pytorchvideo torchvision`; without them they are left out. The exit
status is 1 if a bar is missed.
"""

import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
import torch
from absl import app, flags

from benchmarks.timing import Ratio, print_machine, report
from tsm_export.tflite.export import export_tflite
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_keras.models.backbones.x3d import X3D_NETWORKS
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.dry_run import dry_step, step_of
from tsm_live.runtimes.interpreter_network import InterpreterNetwork

PARTS = ("x3d", "mixtconv", "training")
FLAGS = flags.FLAGS
flags.DEFINE_list("parts", [*PARTS], f"What to measure: {', '.join(PARTS)}.")
flags.DEFINE_string("backbone", "resnet50", "Backbone of MixTConv and TSM.")
flags.DEFINE_integer("image_size", 112, "Size of the frames in training.")
flags.DEFINE_enum(
    "quantize", "none", ["none", "int8"], "Quantization of LiteRT's networks."
)
flags.DEFINE_integer("threads", 2, "Threads of LiteRT and of PyTorch.")
flags.DEFINE_integer("rounds", 20, "Turns of each variant.", lower_bound=1)
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")

# A stream runs by itself: no thread of another network is awake any more, and
# its own threads are.
_PAUSE = 0.05
_UNTIMED_CALLS = 5

LABELS = tuple(f"class {number}" for number in range(400))


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(TensorFlow=tf.__version__, PyTorch=torch.__version__)
    print(
        f"{FLAGS.threads} threads, {FLAGS.clock} time, "
        f"quantization: {FLAGS.quantize}"
    )
    torch.set_num_threads(FLAGS.threads)
    holds = True
    with tempfile.TemporaryDirectory() as folder:
        for part in FLAGS.parts:
            variants, ratios = globals()[f"_{part}"](pathlib.Path(folder))
            times = interleave(
                variants,
                rounds=FLAGS.rounds,
                clock=FLAGS.clock,
                untimed_calls=0 if part == "training" else _UNTIMED_CALLS,
                pause=_PAUSE,
            )
            ratios = [
                ratio
                for ratio in ratios
                if {ratio.numerator, ratio.denominator} <= {*times}
            ]
            holds &= report(times, ratios)
    return 0 if holds else 1


def _x3d(folder):
    clip, step, causal = "clip, LiteRT", "causal step", "causal clip"
    variants = {
        clip: _step(_exported(folder, "clip", **X3D_NETWORKS["x3d_s"])),
        **_pytorchvideo(),
    }
    fields = X3D_NETWORKS["x3d_s"] | {"causal": True}
    variants[causal] = _step(_exported(folder, "clip", **fields))
    path = _exported(folder, "stream", **fields)
    variants[step] = _step(path)
    variants[f"{step}, copied"] = _step_with_copies(path)
    return variants, [
        Ratio("clip, PyTorch eager", clip, at_least=1.5),
        Ratio("clip, PyTorch compiled", clip, at_least=1.5),
        Ratio(step, causal, at_most=1 / 8),
        Ratio(step, f"{step}, copied"),
    ]


def _pytorchvideo():
    try:
        from pytorchvideo.models.x3d import create_x3d
    except ImportError as error:
        print(f"no PyTorch: {error}; pip install pytorchvideo torchvision")
        return {}
    network = create_x3d(input_clip_length=13, input_crop_size=160).eval()
    frames = torch.rand(1, 3, 13, 160, 160)
    compiled = torch.compile(network)

    def run(found):
        with torch.inference_mode():
            found(frames)

    return {
        "clip, PyTorch eager": lambda: run(network),
        "clip, PyTorch compiled": lambda: run(compiled),
    }


def _mixtconv(folder):
    variants = {}
    for name, fields in _NETWORKS.items():
        path = _exported(
            folder, "stream", backbone=FLAGS.backbone, causal=True, **fields
        )
        variants[f"{name} step"] = _step(path)
    # The last one is MixTConv.
    variants["MixTConv step, copied"] = _step_with_copies(path)
    return variants, [
        Ratio("MixTConv step", "plain step", at_most=1.10),
        Ratio("TSM step", "plain step"),
        Ratio("MixTConv step", "MixTConv step, copied"),
    ]


_NETWORKS = {
    "plain": {"operator": "none"},
    "TSM": {"operator": "shift"},
    "MixTConv": {"operator": "mixtconv"},
}


def _training(folder):
    del folder
    variants = {
        f"{name} training": _training_step(**_NETWORKS[name])
        for name in ("TSM", "MixTConv")
    }
    return variants, [Ratio("MixTConv training", "TSM training", at_most=1.15)]


def _training_step(**fields):
    """Returns a training step with two clips of 8 frames."""
    size = FLAGS.image_size
    model = build_clip_model(
        VideoClassifierConfig(
            num_classes=10, backbone=FLAGS.backbone, image_size=size, **fields
        )
    )
    model.compile("sgd", "mse", jit_compile=False)
    clips = np.random.default_rng(0).random((2, 8, size, size, 3), np.float32)
    targets = np.zeros((2, 10), np.float32)
    return lambda: model.train_on_batch(clips, targets)


def _exported(folder, kind, **fields):
    """Exports a network with random weights; returns the path."""
    config = VideoClassifierConfig(
        **{"num_classes": len(LABELS), "labels": LABELS, **fields}
    )
    path = folder / f"{len(list(folder.iterdir()))}.tflite"
    size = config.input.image_size
    # The speed does not depend on the ranges, so one clip is enough.
    clip = np.random.default_rng(0).integers(
        0, 256, (1, config.clip.num_segments, size, size, 3), np.uint8
    )
    export_tflite(
        build_clip_model(config),
        path,
        kind=kind,
        quantize=FLAGS.quantize,
        calibration_clips=clip,
        check=lambda _: None,
    )
    return path


def _step(path):
    """Returns a function that runs a step in the way a session does."""
    return dry_step(path, threads=FLAGS.threads)


def _step_with_copies(path):
    """Returns a function that runs a step in LiteRT and copies the caches."""
    spec, model = load_artifact(path)
    return step_of(InterpreterNetwork(spec, model, threads=FLAGS.threads), spec)


if __name__ == "__main__":
    app.run(main)
