"""Crops: boxes that are cut from all frames of a clip.

A box is `[top, left, height, width]`, int32, in pixels, inside the frame. Every
function is pure and works eagerly and inside tf.data; a seed is two integers.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# Offsets of a crop from the top and the left, in quarters of the free space:
# corners, centre, middles of the sides, and the four points between.
_POSITIONS = (
    *((0, 0), (0, 4), (4, 0), (4, 4), (2, 2)),
    *((2, 0), (2, 4), (4, 2), (0, 2)),
    *((1, 1), (1, 3), (3, 1), (3, 3)),
)
_ATTEMPTS = 10

# A function from `[height, width]` of a frame to a box.
Box = Callable[[tf.Tensor], tf.Tensor]


def cut(frames: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Crops frames, `[N, H, W, C]`, to a box."""
    top, left, height, width = tf.unstack(box)
    return tf.slice(frames, [0, top, left, 0], [-1, height, width, -1])


def decode_and_cut(
    decode: Callable[[np.ndarray, np.ndarray], np.ndarray],
    clip: dict[str, tf.Tensor],
    channels: int,
    box: Box | None,
) -> tf.Tensor:
    """Decodes frames of a clip by a Python function and crops them.

    Args:
        decode: A function that takes the number of a clip and the indices of N
            frames and returns these frames, `[N, H, W, C]` uint8.
        clip: The `number` of the clip and the `indices` of the frames.
        channels: The number of channels, C.
        box: The crop; None for whole frames.
    """
    frames = tf.numpy_function(
        decode, [clip["number"], clip["indices"]], tf.uint8, stateful=False
    )
    frames = tf.ensure_shape(frames, [None, None, None, channels])
    return cut(frames, box(tf.shape(frames)[1:3])) if box else frames


def cut_and_stack(frames: Sequence[tf.Tensor], box: tf.Tensor) -> tf.Tensor:
    """Crops each frame, `[H, W, 3]`, to a box and stacks them into a clip.

    This copies less memory than to stack whole frames and then to `cut`.
    """
    # These are computed once for all frames, because small ops cost time too.
    begin, size = tf.pad(box[:2], [[0, 1]]), tf.concat([box[2:], [-1]], 0)
    return tf.stack([tf.slice(frame, begin, size) for frame in frames])


def center_box(shape: tf.Tensor, size: int) -> tf.Tensor:
    """Returns the central square with the side `size` of `[height, width]`."""
    return _square((shape - size) // 2, size)


def random_box(shape: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns a square with the side `size` at a uniformly drawn position."""
    free = tf.cast(shape - size, tf.float32)
    uniform = tf.random.stateless_uniform([2], seed)
    offset = tf.cast(uniform * (free + 1), tf.int32)
    # Rounding may move the box past the edge.
    return _square(tf.minimum(offset, shape - size), size)


def multi_scale_box(
    shape: tf.Tensor,
    size: int,
    seed: tf.Tensor,
    *,
    scales: Sequence[float] = (1, 0.875, 0.75, 0.66),
) -> tf.Tensor:
    """Returns a box of TSN's multi-scale corner crop (TSN, section 3.2).

    Height and width are `floor(scale * short side)`. Their scales are drawn
    from all pairs that are the same or neighbours in `scales`. A side within 2
    pixels of `size` becomes `size`, as in the authors' code, unless that is
    longer than the short side. The position is drawn from 13: it is 0 to 4
    steps of `floor((side - crop) / 4)` from the top and from the left.

    Args:
        shape: `[height, width]` of the frame.
        size: The side in pixels that the box will be resized to.
        seed: `[2]` integers.
        scales: Scales in descending order, each in (0, 1].
    """
    short = tf.reduce_min(shape)
    sides = tf.cast(
        tf.cast(short, tf.float64) * tf.constant(scales, tf.float64), tf.int32
    )
    near = tf.logical_and(tf.abs(sides - size) < 3, size <= short)
    sides = tf.maximum(tf.where(near, size, sides), 1)
    count = range(len(scales))
    pairs = [(i, j) for i in count for j in count if abs(i - j) <= 1]
    crop = tf.gather(sides, _draw(pairs, seed))
    step = (shape - crop) // 4
    # The folded seed makes this draw independent of that of the sides.
    return tf.concat(
        [step * _draw(_POSITIONS, tf.random.fold_in(seed, 1)), crop], 0
    )


def random_resized_box(
    shape: tf.Tensor,
    seed: tf.Tensor,
    *,
    area: tuple[float, float] = (0.08, 1.0),
) -> tf.Tensor:
    """Returns a box of random area and aspect ratio (Inception's crop).

    The share of the frame's area is uniform in `area`, the ratio of width to
    height is log-uniform in 3/4..4/3, and the position is uniform. The first of
    ten draws that fits into the frame is taken; if none fits, the largest
    central square.

    Args:
        shape: `[height, width]` of the frame.
        seed: `[2]` integers.
        area: Smallest and largest share of the frame's area.
    """
    uniform = tf.random.stateless_uniform([4, _ATTEMPTS], seed)
    sides = tf.cast(shape, tf.float32)
    share = area[0] + (area[1] - area[0]) * uniform[0]
    ratio = (4 / 3) ** (2 * uniform[1] - 1)
    heights = tf.sqrt(tf.reduce_prod(sides) * share / ratio)
    crops = tf.cast(tf.round(tf.stack([heights, heights * ratio], 1)), tf.int32)
    crops = tf.maximum(crops, 1)
    fits = tf.reduce_all(crops <= shape, axis=1)
    first = tf.argmax(fits, output_type=tf.int32)
    crop = crops[first]
    free = tf.cast(shape - crop + 1, tf.float32)
    offset = tf.cast(
        tf.stack([uniform[2], uniform[3]], 1)[first] * free, "int32"
    )
    offset = tf.minimum(offset, shape - crop)
    short = tf.reduce_min(shape)
    return tf.where(
        tf.reduce_any(fits),
        tf.concat([offset, crop], 0),
        _square((shape - short) // 2, short),
    )


def view_boxes(shape: tf.Tensor, size: int, crops: int) -> tf.Tensor:
    """Returns the square crops of a frame for evaluation.

    One crop is the centre. Three crops are both ends and the middle of the long
    side. (The authors' code takes left, right and middle, which are the same in
    an upright frame.) Five crops are the corners and the centre.

    Args:
        shape: `[height, width]` of the frame, each at least `size`.
        size: Side of the squares in pixels.
        crops: The number of squares, 1, 3 or 5.

    Returns:
        `[crops, 4]` int32, one box per row.
    """
    free = shape - size
    if crops == 1:
        return center_box(shape, size)[None]
    if crops == 3:
        wide = shape[1] >= shape[0]
        # Offsets from the top and the left, in halves of the free space.
        halves = tf.where(
            wide, [[1, 0], [1, 1], [1, 2]], [[0, 1], [1, 1], [2, 1]]
        )
    else:
        halves = tf.constant([[0, 0], [0, 2], [2, 0], [2, 2], [1, 1]])
    offsets = free * halves // 2
    return tf.concat([offsets, tf.fill([crops, 2], size)], 1)


def _square(offset, size):
    return tf.concat([offset, tf.fill([2], size)], 0)


def _draw(rows, seed):
    number = tf.random.stateless_uniform(
        [], seed, minval=0, maxval=len(rows), dtype=tf.int32
    )
    return tf.constant(rows)[number]
