r"""Makes what `device` takes to a machine with a GPU: files and outputs.

    python -m benchmarks.quantization.int8_accuracy --preset=PRESET
    python -m benchmarks.gpu.prepare --to=FOLDER --preset=PRESET
    python -m benchmarks.gpu.prepare --to=FOLDER --backbone=resnet18 \
        --quantize=float16,int8 --streams=1

Exports a network as streams and as clips, and writes beside each file
`NAME.tflite` its outputs on this CPU, `NAME.npz`, and the frames that give
them, `frames.npy`: generated gestures, or moving objects for a detector. So
detectors and classifiers need folders of their own, as do frames of different
sizes. Without a preset the weights are random, and rounding them changes the
logits of a MobileNetV2 more than those of a trained one. Takes ten minutes. The
files share their weights, so that `tar` and `xz` with a large dictionary make
the folder small.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from absl import app, flags
from tensorflow import keras

from benchmarks.gpu.parts import enlarge, run_clips, stored_frames, stream
from tsm_export.clips import generated_clips
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.gestures.generate import LABELS
from tsm_keras.data.moving_objects.generate import LABELS as OBJECTS
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.backbones.x3d import X3D_NETWORKS
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig, VideoDetectorConfig
from tsm_keras.models.presets import load_preset
from tsm_keras.models.weights import copy_weights
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.open_network import open_here
from tsm_live.sessions.clip_session import ClipSession
from tsm_live.sessions.open_session import StreamingSession

# The random weights are those of the tests.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from testing.models import randomize

_SETTLING_CLIPS = 6
# The flags that describe a network with random weights.
_OF_RANDOM = ("backbone", "x3d", "operator", "width", "detector")

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "The folder to write to.", required=True)
flags.DEFINE_string("preset", None, "A causal network that was trained.")
flags.DEFINE_enum(
    "backbone", "mobilenet_v2", BACKBONES, "The network without a preset."
)
flags.DEFINE_enum(
    "x3d",
    None,
    X3D_NETWORKS,
    "An X3D instead of `backbone`. X3D-XS wants --image_size=160.",
)
flags.DEFINE_enum(
    "operator",
    "shift",
    ["shift", "mixtconv", "conv1d"],
    "The temporal operator of `backbone`.",
)
flags.DEFINE_float("width", 1.0, "The channel multiplier of `backbone`.")
flags.DEFINE_boolean("detector", False, "A detector, not a classifier.")
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
flags.DEFINE_multi_enum(
    "kind", ["clip", "stream"], ["clip", "stream"], "Kinds of files."
)
flags.DEFINE_integer("frames", 200, "Frames to compare on.")


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
    finds_objects = isinstance(config, VideoDetectorConfig)
    count = -(-FLAGS.frames // config.clip.num_segments)
    seen, calibration = (
        generated_clips(config, clips, seed, of_objects=finds_objects)
        for clips, seed in ((count, 1000), (24, 0))
    )
    np.save(folder / "frames.npy", np.concatenate(seen)[: FLAGS.frames])
    calibration = enlarge(calibration, FLAGS.image_size)
    for quantize in FLAGS.quantize:
        for kind, streams in (
            ("clip", 1),
            *(("stream", int(number)) for number in FLAGS.streams),
        ):
            if kind not in FLAGS.kind:
                continue
            if quantize == "float16" and streams > 1:
                continue
            name = f"{network_name(config)}_{quantize}_{kind}{streams}"
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
                np.savez(path.with_suffix(".npz"), **cpu_outputs(path))
    return 0


def network_name(config):
    """Returns what tells the network's files from those of others."""
    operator = config.temporal.operator
    return "_".join(
        [
            FLAGS.x3d or config.backbone.name,
            *([operator] if operator in ("mixtconv", "conv1d") else []),
            *(["detector"] if isinstance(config, VideoDetectorConfig) else []),
        ]
    )


def build_model():
    """Returns a clip model whose sessions resize no frame of its size."""
    trained = None
    if FLAGS.preset:
        ignored = [x for x in _OF_RANDOM if FLAGS[x].present]
        if ignored:
            raise app.UsageError(
                "A preset has its own network, so there must be no other "
                f"flags that describe one. Received: {ignored}"
            )
        trained = load_preset(FLAGS.preset)
        config = trained.video_config
    else:
        config = random_config()
    size = FLAGS.image_size
    model = build_clip_model(config.changed(image_size=size, resize_size=size))
    if trained:
        copy_weights(trained, model)
    else:
        randomize(model, seed=0)
        settle(model)
    return model


def settle(model):
    """Sets the statistics of batch normalization to those on some clips.

    As in a trained network, activations then keep their size from layer to
    layer. With random statistics those of a deep network overflow float16.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    clips = generated_clips(
        model.video_config,
        _SETTLING_CLIPS,
        seed=0,
        of_objects=isinstance(model.video_config, VideoDetectorConfig),
    )
    model(clips.astype("float32"), training=True)


def random_config():
    """Returns the config that the flags describe."""
    if FLAGS.x3d:
        network = {**X3D_NETWORKS[FLAGS.x3d], "operator": "conv3d"}
    else:
        network = {
            "backbone": FLAGS.backbone,
            "width": FLAGS.width,
            "operator": FLAGS.operator,
        }
    network["causal"] = True
    if FLAGS.detector:
        return VideoDetectorConfig(labels=OBJECTS, **network)
    return VideoClassifierConfig(
        num_classes=len(LABELS), labels=LABELS, **network
    )


def cpu_outputs(path):
    spec, model = load_artifact(path)
    frames = stored_frames(path.parent, spec.image_size)
    if spec.kind == "clip":
        session = ClipSession(spec, lambda: open_here(spec, model))
        return run_clips(session, frames)
    return stream(StreamingSession(path), frames)


if __name__ == "__main__":
    app.run(main)
