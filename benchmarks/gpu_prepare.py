"""Makes what gpu_device.py takes to a machine with a GPU: files and logits.

    python benchmarks/gpu_prepare.py --to=FOLDER
    python benchmarks/gpu_prepare.py --to=FOLDER --backbone=resnet18 \
        --quantize=float16,int8 --streams=1

Exports networks as streams and as clips, and writes beside each file
`NAME.tflite` its logits on this CPU, `NAME.npy`. The weights are random, but
batch normalization has the statistics of what really flows through, and the
classifier's bias lets the frame decide which class comes first, as in a
trained network. Takes ten minutes. All files share their weights, so that
`tar cJf` with a large dictionary makes the folder small.
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from absl import app, flags

from gpu_parts import clips_of, moving_frames
from testing.models import randomize
from tsm_export.tflite import export_tflite
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import BACKBONES, VideoClassifierConfig
from tsm_live.replay import classify_clip, replay
from tsm_live.runner import open_runner
from tsm_live.spec import read_spec

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "The folder to write to.", required=True)
flags.DEFINE_enum("backbone", "mobilenet_v2", BACKBONES, "The network.")
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 224, "Height and width of a frame.")
flags.DEFINE_list(
    "quantize", ["none", "float16", "int8"], "Quantizations of the files."
)
flags.DEFINE_list(
    "streams",
    ["1", "2", "8", "32"],
    "Numbers of streams in one batch. Files for several streams are not "
    "written in float16, whose computation is that of float32.",
)
flags.DEFINE_integer("steps", 200, "Frames of the logits.", lower_bound=1)

_NUM_CLASSES = 27


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    folder = pathlib.Path(FLAGS.to)
    folder.mkdir(parents=True, exist_ok=True)
    model = build_model()
    calibration = moving_frames(32, FLAGS.image_size, seed=1)
    calibration = calibration.reshape(4, 8, *calibration.shape[1:])
    for quantize in FLAGS.quantize:
        for kind, streams in (
            ("clip", 1),
            *(("stream", int(number)) for number in FLAGS.streams),
        ):
            if quantize == "float16" and streams > 1:
                continue
            name = f"{FLAGS.backbone}_{quantize}_{kind}{streams}"
            path = folder / f"{name}.tflite"
            export_tflite(
                model,
                path,
                kind=kind,
                quantize=quantize,
                streams=streams,
                calibration_clips=calibration,
            )
            megabytes = path.stat().st_size / 1e6
            print(f"{path.name}: {megabytes:.2f} MB", flush=True)
            if streams == 1:
                logits = cpu_logits(path)
                np.save(path.with_suffix(".npy"), logits)
                classes = len(set(logits.argmax(-1).tolist()))
                print(f"  logits of {len(logits)}, {classes} classes first")
    return 0


def build_model():
    """Returns a causal clip model whose activations look like a trained one's."""
    size = FLAGS.image_size
    model = build_clip_model(
        VideoClassifierConfig(
            num_classes=_NUM_CLASSES,
            backbone=FLAGS.backbone,
            width=FLAGS.width,
            shift="causal",
            image_size=size,
            resize_size=size,  # A session need not resize such frames.
            labels=tuple(f"class {k}" for k in range(_NUM_CLASSES)),
        )
    )
    randomize(model, seed=0)
    clips = moving_frames(32, size, seed=2).reshape(4, 8, size, size, 3)
    clips = clips.astype(np.float32)
    for _ in range(30):  # Momentum 0.9: a twentieth of the start is left.
        model(clips, training=True)
    classifier = next(x for x in model.layers[::-1] if x.get_weights())
    kernel, bias = classifier.get_weights()
    mean = model(clips, training=False).numpy().mean(axis=0)
    classifier.set_weights([kernel, bias - mean])
    return model


def cpu_logits(path):
    spec = read_spec(path)
    runner = open_runner(path)
    if spec.kind == "clip":
        clips = clips_of(spec, FLAGS.steps)
        return np.stack([classify_clip(runner, spec, clip) for clip in clips])
    frames = moving_frames(FLAGS.steps, spec.image_size)
    return np.concatenate(list(replay(runner, spec, frames[:, None])))


if __name__ == "__main__":
    app.run(main)
