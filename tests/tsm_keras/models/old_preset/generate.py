"""Wrote the presets of older formats in this folder, each as one ZIP file.

This code can no longer write them, because `save_preset` now writes format 3.
It ran in commit 6b5f7cd, the last one that wrote format 1. One preset comes
from Keras 3, and the other, with quantization ranges, from tf_keras:

PYTHONPATH=.:tests python tests/tsm_keras/models/old_preset/generate.py float
TF_USE_LEGACY_KERAS=1 PYTHONPATH=.:tests python \
    tests/tsm_keras/models/old_preset/generate.py quantized

In commit a03ce08, the last one that wrote format 2, it ran with the name
`format_2` and seed 6.
"""

import pathlib
import shutil
import sys
import tempfile

import numpy as np

from testing.models import random_clips, randomize
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import save_preset

CONFIG = VideoClassifierConfig(
    num_classes=3,
    width=0.1,
    num_segments=3,
    shift="causal",
    image_size=32,
    labels=("left", "right", "no_gesture"),
    frame_interval=0.25,
)


def main(name: str) -> None:
    """Writes the preset `name` and the logits of one seeded clip."""
    folder = pathlib.Path(__file__).parent
    model = build_clip_model(CONFIG)
    randomize(model, seed=7 if name == "float" else 8)
    # Numbers with few digits make a small ZIP file.
    model.set_weights([np.round(x * 64) / 64 for x in model.get_weights()])
    if name == "quantized":
        # The ranges of quantization-aware training, keyed by layer names.
        from tsm_keras.models.quantization_aware import (
            activation_ranges,
            quantization_aware,
        )

        layers = activation_ranges(quantization_aware(model))
        model.activation_ranges = {
            layer: (-1.0 - number / 8, 2.0 + number / 8)
            for number, layer in enumerate(layers)
        }
    with tempfile.TemporaryDirectory() as temporary:
        preset = pathlib.Path(temporary) / name
        save_preset(model, preset, provenance={"data": "random weights"})
        shutil.make_archive(str(folder / name), "zip", preset)
    clips = random_clips(CONFIG, clips=1, seed=9)
    np.savez(
        folder / f"{name}.npz",
        clips=clips.astype(np.uint8),
        logits=model(clips, training=False).numpy(),
    )


if __name__ == "__main__":
    main(sys.argv[1])
