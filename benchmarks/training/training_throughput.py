"""Measures the time of a training step with and without shift, and variants.

    python -m benchmarks.training.training_throughput

Whole training steps, compiled as in `tsm_keras.training.fit`, are timed: TSM
(bidirectional and causal) against TSN, the same network without shift; our
BatchNormalization against the stock layer of Keras 3; and the shift's own
gradient against autodiff of its slices, in a step and alone. If PyTorch is
installed (the extra `torch`), its step of the same bidirectional network is
timed too: eager, channels last, with the same number of threads. The variants
take turns in one run.

The bars are meant for the default flags. Smaller frames or batches fit into the
caches of the processor, where the stock BatchNormalization is less slow.
`--only` selects variants.

The benchmark takes about eight minutes on two cores. The exit status is 1 if a
bar is missed.
"""

import importlib.util
import os
import pathlib
import sys
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from benchmarks.timing import Ratio, print_machine, report
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_keras.keras_version import KERAS_3, KERAS_VERSION
from tsm_keras.layers import TemporalShift, temporal_shift
from tsm_keras.models.backbones import convolution
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.training.fit import TrainingConfig, fit

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "backbone",
    "mobilenet_v2",
    # X3D has no form without its own mixing of frames.
    [name for name, each in BACKBONES.items() if not each.mixes_time],
    "Network to measure.",
)
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 224, "Height and width of a frame.")
flags.DEFINE_integer("num_segments", 8, "Frames per clip.")
flags.DEFINE_integer("batch_size", 4, "Clips per step.")
flags.DEFINE_integer("rounds", 12, "Turns of each variant.", lower_bound=1)
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")

flags.DEFINE_multi_string("only", None, "A variant to time; may be repeated.")

NUM_CLASSES = 27
TSN, TSM, CAUSAL = "TSN", "TSM bidirectional", "TSM causal"
AGAIN = "TSN, again"
TORCH = "TSM bidirectional, PyTorch"
STOCK = "TSM bidirectional, stock BatchNormalization"
AUTODIFF = "TSM bidirectional, autodiff of the shift"
GRADIENT = "gradient of all shifts"
GRADIENT_AUTODIFF = "gradient of all shifts, autodiff"


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
    gpus = tf.config.list_physical_devices("GPU")
    print(
        f"network: {FLAGS.backbone}, width {FLAGS.width}, "
        f"{FLAGS.image_size} px, {FLAGS.batch_size} clips of "
        f"{FLAGS.num_segments} per step, on the {'GPU' if gpus else 'CPU'}, "
        f"{FLAGS.clock} time"
    )
    makers = {
        TSN: lambda: training_step("none"),
        TSM: lambda: training_step("bidirectional"),
        CAUSAL: lambda: training_step("causal"),
        # The same step is timed under two names; their ratio is the noise.
        AGAIN: lambda: training_step("none"),
        GRADIENT: shift_gradients,
        AUTODIFF: lambda: with_autodiff(training_step, "bidirectional"),
        GRADIENT_AUTODIFF: lambda: with_autodiff(shift_gradients),
    }
    if KERAS_3:  # In tf_keras our layer is the stock layer.
        makers[STOCK] = stock_step
    if importlib.util.find_spec("torch"):
        makers[TORCH] = torch_step
    if unknown := {*(FLAGS.only or ())} - {*makers}:
        raise app.UsageError(f"--only takes {list(makers)}, not {unknown}")
    variants = {
        name: make()
        for name, make in makers.items()
        if name in (FLAGS.only or makers)
    }
    ratios = [
        Ratio(TSM, TSN, at_most=1.10),
        Ratio(CAUSAL, TSN, at_most=1.10),
        # These bars are for a CPU; on a GPU XLA fuses the stock layer.
        Ratio(STOCK, TSM, at_least=0.0 if gpus else 1.5),
        Ratio(TORCH, TSM, at_least=0.0 if gpus else 1.3),
        Ratio(AUTODIFF, TSM),
        Ratio(GRADIENT_AUTODIFF, GRADIENT),
        Ratio(AGAIN, TSN),
    ]
    ratios = [
        ratio
        for ratio in ratios
        if {ratio.numerator, ratio.denominator} <= {*variants}
    ]
    times = interleave(variants, rounds=FLAGS.rounds, clock=FLAGS.clock)
    clips = dict.fromkeys(variants, FLAGS.batch_size)
    return 0 if report(times, ratios, items=clips) else 1


def build(shift):
    """Returns the clip model to measure, with random weights."""
    return build_clip_model(
        VideoClassifierConfig(
            num_classes=NUM_CLASSES,
            backbone=FLAGS.backbone,
            width=FLAGS.width,
            num_segments=FLAGS.num_segments,
            shift=shift,
            image_size=FLAGS.image_size,
        )
    )


def training_step(shift):
    """Returns a training step as in `model.fit`, traced, on a random batch."""
    model = build(shift)
    clips = tf.random.stateless_uniform(
        (FLAGS.batch_size, *model.input_shape[1:]), (0, 0), maxval=256.0
    )
    labels = tf.range(FLAGS.batch_size) % NUM_CLASSES
    batch = tf.data.Dataset.from_tensors((clips, labels))
    fit(model, batch, TrainingConfig(epochs=1), verbose=0)
    batches = iter(batch.repeat())

    def step():
        # Reading the loss waits for the step to end.
        return float(model.train_function(batches)["loss"])

    step()
    return step


def stock_step():
    """Returns the step with the BatchNormalization of Keras 3."""
    with mock.patch.object(
        convolution, "BatchNormalization", keras.layers.BatchNormalization
    ):
        return training_step("bidirectional")


def torch_step():
    """Returns a step of the TSM authors' network in PyTorch, on a random batch.

    It is as fast as PyTorch is on a CPU without compiling: channels last, fused
    AdamW, and a shift that copies only the channels that move.
    """
    import torch

    # The rebuilt network is in the tests.
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
    from testing.torch_networks import recognizer

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count() or 1)
    if FLAGS.backbone == "mobilenet_v2":
        if FLAGS.width != 1.0:
            raise app.UsageError("MobileNetV2 in PyTorch needs --width=1.")
        model = recognizer(
            "mobilenetv2", NUM_CLASSES, segments=FLAGS.num_segments
        )
    else:
        model = recognizer(
            FLAGS.backbone, NUM_CLASSES, segments=FLAGS.num_segments
        )
    model = model.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, fused=True)
    size = FLAGS.image_size
    frames = torch.rand(FLAGS.batch_size * FLAGS.num_segments, 3, size, size)
    frames = frames.to(memory_format=torch.channels_last)
    labels = torch.arange(FLAGS.batch_size) % NUM_CLASSES

    def step():
        logits = model(frames).unflatten(0, (FLAGS.batch_size, -1)).mean(1)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    step()
    return step


def shift_gradients():
    """Returns the backward pass of all shifts of the network alone."""
    frames = FLAGS.batch_size * FLAGS.num_segments
    inputs = [
        (layer, tf.ones((frames, *layer.input.shape[1:])))
        for layer in build("bidirectional").layers
        if isinstance(layer, TemporalShift)
    ]

    @tf.function
    def gradients():
        sums = []
        for layer, features in inputs:
            with tf.GradientTape() as tape:
                tape.watch(features)
                shifted = layer(features)
            sums.append(tape.gradient(shifted, features, features))
        return sums

    gradients()  # It is traced here, while a patch is active.
    return gradients


def with_autodiff(make, *arguments):
    """Calls `make` while the shift has no gradient of its own."""
    with mock.patch.object(
        temporal_shift, "_shift", temporal_shift._take_neighbours
    ):
        return make(*arguments)


if __name__ == "__main__":
    app.run(main)
