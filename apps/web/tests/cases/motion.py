"""Writes `motion.tflite`, a tiny artifact that sees motion without training.

Run it with `python apps/web/tests/cases/motion.py`.

Its cache is the frame before, in grey. Where a bright object moves to the
right, a pixel becomes brighter in front of the object and darker behind it, so
that the mean of (change in time) * (change along the row) is negative; for a
motion to the left it is positive.
"""

import pathlib

from tensorflow import keras

from tsm_export.artifact_file import write_artifact
from tsm_export.tflite.conversion import convert
from tsm_live.artifact.spec import ArtifactSpec, TensorSpec

LABELS = ("no_gesture", "swipe_left", "swipe_right", "swipe_up", "swipe_down")
_SIZE, _GRID = 64, 16  # Pixels of a frame, and of the grey pictures.
_GAIN = 500.0  # Logits per unit of the mean.
_REST = 3.0  # The logit of `no_gesture`.


def main(path: pathlib.Path) -> None:
    """Writes the artifact."""
    grid = (1, _GRID, _GRID, 1)
    spec = ArtifactSpec(
        kind="stream",
        inputs=(
            TensorSpec("frame", (1, _SIZE, _SIZE, 3), "float32", role="frame"),
            TensorSpec(
                *("cache_00", grid, "float32"),
                role="cache",
                frames=1,
                fed_by="cache_00_out",
            ),
        ),
        outputs=(
            TensorSpec(
                *("logits", (1, len(LABELS)), "float32"),
                role="logits",
                labels=LABELS,
                no_gesture=LABELS[:1],
            ),
            TensorSpec("cache_00_out", grid, "float32", role="cache_out"),
        ),
        resize_size=_SIZE,
        frame_interval=0.125,
        num_segments=8,
        quantization="none",
        decision={
            "average": 0.3,
            "min_duration": 0.2,
            "cooldown": 0.3,
            "start_score": 0.8,
            "end_score": 0.4,
        },
    )
    write_artifact(path, convert(_network()), spec)


def _network():
    ops = keras.ops
    frame = keras.Input((_SIZE, _SIZE, 3), batch_size=1, name="frame")
    before = keras.Input((_GRID, _GRID, 1), batch_size=1, name="cache_00")
    grey = ops.mean(frame, axis=-1, keepdims=True) * (1 / 255)
    now = keras.layers.AveragePooling2D(_SIZE // _GRID)(grey)
    # At the start of a stream the cache is black, and nothing has moved.
    is_known = ops.cast(
        ops.max(before, axis=(1, 2, 3), keepdims=True) > 0, "float32"
    )
    change = (now - before) * is_known
    middle = (now + before) * 0.5
    along_row = middle[:, 1:-1, 2:] - middle[:, 1:-1, :-2]
    along_column = middle[:, 2:, 1:-1] - middle[:, :-2, 1:-1]
    inner = change[:, 1:-1, 1:-1]
    left = _GAIN * ops.mean(inner * along_row, axis=(1, 2))
    up = _GAIN * ops.mean(inner * along_column, axis=(1, 2))
    rest = left * 0.0 + _REST
    logits = ops.concatenate([rest, left, -left, up, -up], axis=-1)
    fresh = ops.concatenate([now[:, :8], now[:, 8:]], axis=1)
    return keras.Model(
        {"frame": frame, "cache_00": before},
        {"logits": logits, "cache_00_out": fresh},
    )


if __name__ == "__main__":
    main(pathlib.Path(__file__).parent / "motion.tflite")
