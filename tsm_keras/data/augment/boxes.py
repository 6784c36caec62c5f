"""crop_boxes, mirror_boxes: boxes that move with the pixels of a clip.

Boxes are `[..., 4]` float32, `(x0, y0, x1, y1)` in pixels.
"""

import tensorflow as tf


def crop_boxes(
    boxes: tf.Tensor, crop: tf.Tensor, size: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves boxes from whole frames to a crop that is resized to a square.

    Args:
        boxes: Boxes in pixels of the frames.
        crop: `[top, left, height, width]`, as in crops.py.
        size: The side of the square in pixels.

    Returns:
        The parts of the boxes inside the square, and their shares of the area
        of the whole boxes, `[...]`; a box without an area has the share 0.
    """
    top, left, height, width = tf.unstack(tf.cast(crop, tf.float32))
    scale = size / tf.stack([width, height, width, height])
    moved = (boxes - tf.stack([left, top, left, top])) * scale
    inside = tf.clip_by_value(moved, 0, float(size))
    return inside, tf.math.divide_no_nan(_areas(inside), _areas(moved))


def mirror_boxes(boxes: tf.Tensor, size: int) -> tf.Tensor:
    """Returns boxes in frames of the width `size` that are mirrored."""
    x0, y0, x1, y1 = tf.unstack(boxes, axis=-1)
    return tf.stack([size - x1, y0, size - x0, y1], axis=-1)


def _areas(boxes):
    sides = tf.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return tf.reduce_prod(sides, axis=-1)
