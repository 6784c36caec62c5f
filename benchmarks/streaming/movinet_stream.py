r"""Writes the streaming MoViNets A0, A1 and A2 as .tflite files.

    python -m venv ENVIRONMENT
    ENVIRONMENT/bin/pip install tf-models-official==2.20.0
    TF_USE_LEGACY_KERAS=1 ENVIRONMENT/bin/python \
        benchmarks/streaming/movinet_stream.py --to=FOLDER

MoViNets (Kondratyuk et al., CVPR 2021) are the networks that streaming video
models are compared with. `tf-models-official` needs an environment of its own,
because it pins other packages. The weights are random, and the files are for
`benchmarks.streaming.model_table --movinet=FOLDER`. The settings are those of
the published streaming models: 2+1-D convolutions, hard swish, hard sigmoid.

Each network is written in float32 and in int8. The int8 file takes and gives
its image, states and logits in float32, like the authors' int8 files.
"""

import importlib
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

SIZES = {"a0": 172, "a1": 172, "a2": 224}
NUM_CLASSES = 600
# Imported by name, because it is no dependency of this project.
_MODELING = "official.projects.movinet.modeling"

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "Folder to write to.", required=True)
flags.DEFINE_list("networks", list(SIZES), "Networks to write.")


def main(argv):
    del argv
    folder = pathlib.Path(FLAGS.to)
    folder.mkdir(parents=True, exist_ok=True)
    for name in FLAGS.networks:
        step = freeze(*build(name, SIZES[name]))
        with tempfile.TemporaryDirectory() as saved:
            module = tf.Module()
            module.serve = step
            # Nothing trains here, and hard swish has a gradient of its own
            # that cannot be saved.
            options = tf.saved_model.SaveOptions(
                experimental_custom_gradients=False
            )
            tf.saved_model.save(module, saved, step, options)
            for dtype in ("float32", "int8"):
                path = folder / f"movinet_{name}_{SIZES[name]}_{dtype}.tflite"
                path.write_bytes(convert(saved, step, dtype))
                size = path.stat().st_size / 1e6
                print(f"wrote {path}, {size:.2f} MB", flush=True)


def build(name, size):
    """Returns a network with random weights, and its inputs, all zero."""
    movinet = importlib.import_module(f"{_MODELING}.movinet")
    movinet_model = importlib.import_module(f"{_MODELING}.movinet_model")
    backbone = movinet.Movinet(
        model_id=name,
        causal=True,
        conv_type="2plus1d",
        se_type="2plus3d",
        activation="hard_swish",
        gating_activation="hard_sigmoid",
        use_positional_encoding=False,
        use_external_states=True,
    )
    model = movinet_model.MovinetClassifier(
        backbone=backbone, num_classes=NUM_CLASSES, output_states=True
    )
    shape = (1, 1, size, size, 3)
    return model, {**model.init_states(shape), "image": tf.zeros(shape)}


def freeze(model, inputs):
    """Returns one step as a function whose weights are constants.

    Saving the model with its variables takes minutes.
    """
    signature = {
        key: tf.TensorSpec(value.shape, value.dtype, name=key)
        for key, value in inputs.items()
    }

    @tf.function(input_signature=[signature])
    def run(inputs):
        logits, states = model(inputs)
        return {**states, "logits": logits}

    concrete = run.get_concrete_function()
    frozen = convert_variables_to_constants_v2(concrete)

    @tf.function(input_signature=[signature])
    def step(inputs):
        outputs = frozen(*tf.nest.flatten(inputs))
        return tf.nest.pack_sequence_as(concrete.structured_outputs, outputs)

    return step


def convert(saved, step, dtype):
    """Returns the content of the file of one network."""
    converter = tf.lite.TFLiteConverter.from_saved_model(saved)
    if dtype == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: random_stream(step)
    return converter.convert()


def random_stream(step, frames=4):
    """Yields the inputs of a stream of random images, states included."""
    (signature,) = step.input_signature
    inputs = {
        key: tf.zeros(it.shape, it.dtype) for key, it in signature.items()
    }
    rng = np.random.default_rng(0)
    for _ in range(frames):
        image = rng.random(inputs["image"].shape, np.float32)
        inputs["image"] = tf.constant(image)
        # The calibration refuses integers that are no arrays.
        yield {key: value.numpy() for key, value in inputs.items()}
        outputs = step(inputs)
        inputs.update({key: outputs[key] for key in outputs if key in inputs})


if __name__ == "__main__":
    app.run(main)
