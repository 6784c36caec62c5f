"""What the shift costs in training, and what our kernels gain.

    python benchmarks/training_throughput.py

Times whole training steps, compiled as `tsm_keras.training.fit` compiles them,
of TSM (bidirectional and causal) against TSN, the same network without shift;
of our BatchNormalization against the stock layer of Keras 3; and of the shift's
own gradient against autodiff of its slices, in a step and by itself. The
variants take turns in one run.

The bars are set for the default flags. Smaller frames or batches fit into the
processor's caches, where the stock BatchNormalization loses less.

Takes about six minutes on two cores. Exits with 1 if a bar is missed.
"""

import contextlib
import os
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from timing import Ratio, print_machine, report
from tsm_export.interleave import CLOCKS, interleave
from tsm_keras.keras_version import KERAS_3, KERAS_VERSION
from tsm_keras.layers import TemporalShift, temporal_shift
from tsm_keras.models import convolution
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import BACKBONES, VideoClassifierConfig
from tsm_keras.training.fit import TrainingConfig, fit

FLAGS = flags.FLAGS
flags.DEFINE_enum("backbone", "mobilenet_v2", BACKBONES, "Network to measure.")
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 224, "Height and width of a frame.")
flags.DEFINE_integer("num_segments", 8, "Frames a clip.")
flags.DEFINE_integer("batch_size", 4, "Clips a step.")
flags.DEFINE_integer("rounds", 12, "Turns of each variant.", lower_bound=1)
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "What to time with.")

NUM_CLASSES = 27
TSN, TSM, CAUSAL = "TSN", "TSM bidirectional", "TSM causal"
AGAIN = "TSN, again"
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
        f"{FLAGS.num_segments} a step, on the {'GPU' if gpus else 'CPU'}, "
        f"{FLAGS.clock} time"
    )
    variants = {
        TSN: training_step("none"),
        TSM: training_step("bidirectional"),
        CAUSAL: training_step("causal"),
    }
    # The same step under a second name: its ratio shows the noise of the run.
    variants[AGAIN] = variants[TSN]
    ratios = [
        Ratio(TSM, TSN, at_most=1.10),
        Ratio(CAUSAL, TSN, at_most=1.10),
    ]
    if KERAS_3:  # In tf_keras ours is the stock layer.
        with mock.patch.object(
            convolution, "BatchNormalization", keras.layers.BatchNormalization
        ):
            variants[STOCK] = training_step("bidirectional")
        # The kernel pays off on a CPU; XLA fuses the stock layer on a GPU.
        ratios.append(Ratio(STOCK, TSM, at_least=0.0 if gpus else 1.5))
    variants[GRADIENT] = shift_gradients()
    with autodiff_of_shift():
        variants[AUTODIFF] = training_step("bidirectional")
        variants[GRADIENT_AUTODIFF] = shift_gradients()
    ratios += [
        Ratio(AUTODIFF, TSM),
        Ratio(GRADIENT_AUTODIFF, GRADIENT),
        Ratio(AGAIN, TSN),
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
    """Returns a step on a random batch, as `model.fit` runs it.

    It is compiled and traced by then.
    """
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


def shift_gradients():
    """Returns the backward pass of every shift in the network, by itself."""
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

    gradients()  # Traced here, under whatever is patched.
    return gradients


@contextlib.contextmanager
def autodiff_of_shift():
    """Takes the shift's own gradient away from what is traced within."""
    with mock.patch.object(
        temporal_shift, "_shift", temporal_shift._take_neighbours
    ):
        yield


if __name__ == "__main__":
    app.run(main)
