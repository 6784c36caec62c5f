r"""Makes what `device` takes to a machine with a GPU: files and logits.

    python -m benchmarks.accuracy.int8_accuracy --preset=PRESET
    python -m benchmarks.gpu.prepare --to=FOLDER --preset=PRESET
    python -m benchmarks.gpu.prepare --to=FOLDER --backbone=resnet18 \
        --quantize=float16,int8 --streams=1

Exports a network as streams and as clips, and writes beside each file
`NAME.tflite` its logits on this CPU, `NAME.npy`, and the frames that give them,
`frames.npy`: generated gestures. Without a preset the weights are random, and
rounding them changes the logits of a MobileNetV2 more than those of a trained
one. Takes ten minutes. The files share their weights, so that `tar` and `xz`
with a large dictionary make the folder small.
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from absl import app, flags

from benchmarks.gpu.parts import clips_of, enlarge, stored_frames
from testing.models import randomize
from tsm_export.clips import generated_clips
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.gestures.generate import LABELS
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import load_preset
from tsm_keras.models.weights import copy_weights
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.open_network import open_here
from tsm_live.sessions.clip_session import ClipSession
from tsm_live.sessions.open_session import StreamingSession

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "The folder to write to.", required=True)
flags.DEFINE_string("preset", None, "A causal network that was trained.")
flags.DEFINE_enum(
    "backbone", "mobilenet_v2", BACKBONES, "The network without a preset."
)
flags.DEFINE_float("width", 1.0, "Its channel multiplier.")
flags.DEFINE_integer("image_size", 224, "Height and width of a frame.")
flags.DEFINE_integer("stored_size", 56, "Those of a frame in `frames.npy`.")
flags.DEFINE_list(
    "quantize", ["none", "float16", "int8"], "Quantizations of the files."
)
flags.DEFINE_list(
    "streams",
    ["1", "2", "8", "32"],
    "Numbers of streams in one batch. Files for several streams are not "
    "written in float16, whose computation is that of float32.",
)
flags.DEFINE_integer("clips", 25, "Clips of 8 frames to compare on.")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    folder = pathlib.Path(FLAGS.to)
    folder.mkdir(parents=True, exist_ok=True)
    model = build_model()
    config = model.video_config.changed(
        image_size=FLAGS.stored_size,
        resize_size=FLAGS.stored_size,
    )
    clips = generated_clips(config, FLAGS.clips, seed=1000)
    np.save(folder / "frames.npy", np.concatenate(clips))
    calibration = enlarge(generated_clips(config, 24, seed=0), FLAGS.image_size)
    for quantize in FLAGS.quantize:
        for kind, streams in (
            ("clip", 1),
            *(("stream", int(number)) for number in FLAGS.streams),
        ):
            if quantize == "float16" and streams > 1:
                continue
            name = f"{config.backbone.name}_{quantize}_{kind}{streams}"
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
                np.save(path.with_suffix(".npy"), cpu_logits(path))
    return 0


def build_model():
    """Returns a clip model whose sessions resize no frame of its size."""
    trained = None
    if FLAGS.preset:
        trained = load_preset(FLAGS.preset)
        config = trained.video_config
    else:
        config = VideoClassifierConfig(
            num_classes=len(LABELS),
            backbone=FLAGS.backbone,
            width=FLAGS.width,
            shift="causal",
            labels=LABELS,
        )
    size = FLAGS.image_size
    model = build_clip_model(config.changed(image_size=size, resize_size=size))
    if trained:
        copy_weights(trained, model)
    else:
        randomize(model, seed=0)
    return model


def cpu_logits(path):
    spec, model = load_artifact(path)
    frames = stored_frames(path.parent, spec.image_size)
    if spec.kind == "clip":
        session = ClipSession(spec, lambda: open_here(spec, model))
        clips = clips_of(spec, frames)
        return np.stack([session.classify_squares(c).logits for c in clips])
    stream = StreamingSession(path)
    return np.stack([stream.step(frame).logits for frame in frames])


if __name__ == "__main__":
    app.run(main)
