r"""Writes the streaming MoViNets A0, A1 and A2 as .tflite files.

    TF_USE_LEGACY_KERAS=1 python benchmarks/streaming/movinet_stream.py \
        --to=FOLDER

MoViNets (Kondratyuk et al., CVPR 2021) are the networks that streaming video
models are compared with. `tf-models-official` needs an environment of its own,
because it pins other packages. The weights are random, and the files are for
`benchmarks.streaming.model_table --movinet=FOLDER`. The settings are those of
the published streaming models: 2+1-D convolutions, hard swish, hard sigmoid.
"""

import importlib
import pathlib

import tensorflow as tf
from absl import app, flags

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "Folder to write to.", required=True)

SIZES = {"a0": 172, "a1": 172, "a2": 224}
NUM_CLASSES = 600
# Imported by name, because it is no dependency of this project.
_MODELING = "official.projects.movinet.modeling"


def main(argv):
    del argv
    folder = pathlib.Path(FLAGS.to)
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in SIZES.items():
        path = folder / f"movinet_{name}_{size}.tflite"
        path.write_bytes(convert(name, size))
        print(f"wrote {path}, {path.stat().st_size / 1e6:.2f} MB", flush=True)


def convert(name, size):
    """Returns the content of the file of one network."""
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
    states = model.init_states(shape)
    model({**states, "image": tf.zeros(shape)})
    signature = {
        key: tf.TensorSpec(value.shape, value.dtype, name=key)
        for key, value in {**states, "image": tf.zeros(shape)}.items()
    }

    @tf.function(input_signature=[signature])
    def step(inputs):
        logits, fresh = model(inputs)
        return {**fresh, "logits": logits}

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [step.get_concrete_function()], model
    )
    return converter.convert()


if __name__ == "__main__":
    app.run(main)
