"""Writes `spots.tflite`, a tiny detector of colours without training.

Run it with `python apps/web/tests/cases/spots.py`.

The heatmap of a colour says how much of it is around a cell, on average in this
frame and the one before, which the cache holds. The centre of a box is the mean
place of what is coloured there.
"""

import pathlib

import numpy as np
from tensorflow import keras

from tsm_export.artifact_file import write_artifact
from tsm_export.tflite.conversion import convert
from tsm_live.artifact.detection import DetectionRule
from tsm_live.artifact.spec import ArtifactSpec, TensorSpec

LABELS = ("red_spot", "green_spot", "blue_spot")
_SIZE, _STRIDE = 64, 8  # Pixels of a frame, and of a cell.
_AROUND = 3 * _STRIDE  # Pixels around the centre of a cell that count.
_WIDE, _HIGH = 2.0, 2.5  # The size of all boxes in cells.
_GAIN, _LEAST = 120.0, 0.075  # Logits per unit of colour; that of a score 0.5.
_GREY = 0.1  # What has less colour than this counts as grey.


def main(path: pathlib.Path) -> None:
    """Writes the artifact."""
    side = _SIZE // _STRIDE

    def tensor(name, channels, **fields):
        return TensorSpec(name, (1, side, side, channels), "float32", **fields)

    colours = len(LABELS)
    spec = ArtifactSpec(
        kind="stream",
        task="detection",
        inputs=(
            TensorSpec("frame", (1, _SIZE, _SIZE, 3), "float32", role="frame"),
            tensor(
                *("cache_00", colours),
                role="cache",
                frames=1,
                fed_by="cache_00_out",
            ),
        ),
        outputs=(
            tensor("heatmap", colours, role="heatmap", labels=LABELS),
            tensor("box_size", 2, role="box_size"),
            tensor("box_offset", 2, role="box_offset"),
            tensor("cache_00_out", colours, role="cache_out"),
        ),
        resize_size=_SIZE + 8,
        frame_interval=0.125,
        num_segments=8,
        quantization="none",
        detection=DetectionRule(_STRIDE, threshold=0.5),
    )
    write_artifact(path, convert(_network()), spec)


def _network():
    ops, side = keras.ops, _SIZE // _STRIDE
    frame = keras.Input((_SIZE, _SIZE, 3), batch_size=1, name="frame")
    before = keras.Input((side, side, 3), batch_size=1, name="cache_00")
    around = keras.layers.AveragePooling2D(_AROUND, _STRIDE, "same")
    channels = [frame[..., i : i + 1] / 255.0 for i in range(3)]
    red, green, blue = channels
    colours = ops.relu(
        ops.concatenate(
            [
                red - ops.maximum(green, blue),
                green - ops.maximum(red, blue),
                blue - ops.maximum(red, green),
            ],
            axis=-1,
        )
        - _GREY
    )
    now = around(colours)
    heatmap = _GAIN * ((now + before) * 0.5 - _LEAST)
    coloured = ops.sum(colours, axis=-1, keepdims=True)
    places = (np.arange(_SIZE, dtype=np.float32) + 0.5) / _STRIDE
    corners = np.arange(side, dtype=np.float32)
    amount = around(coloured) + 1e-6
    offset = ops.concatenate(
        [
            around(coloured * places.reshape(shape)) / amount
            - corners.reshape(shape)
            for shape in ((1, 1, -1, 1), (1, -1, 1, 1))
        ],
        axis=-1,
    )
    size = amount * 0.0 + np.array([_WIDE, _HIGH], np.float32)
    fresh = ops.concatenate([now[:, :4], now[:, 4:]], axis=1)
    return keras.Model(
        {"frame": frame, "cache_00": before},
        {
            "heatmap": heatmap,
            "box_size": size,
            "box_offset": offset,
            "cache_00_out": fresh,
        },
    )


if __name__ == "__main__":
    main(pathlib.Path(__file__).parent / "spots.tflite")
