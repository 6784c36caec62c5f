"""Which part of the frames a network sees: one box for all frames of a clip.

A box is `[top, left, height, width]`, int32, inside the frame. Every function
is pure, in the same ops eagerly and inside tf.data; a seed is two integers.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# Of the space that a crop leaves, in quarters from the top and from the left:
# corners, middles of the sides, centre, and the four points between.
_POSITIONS = (
    *((0, 0), (0, 4), (4, 0), (4, 4), (2, 2)),
    *((2, 0), (2, 4), (4, 2), (0, 2)),
    *((1, 1), (1, 3), (3, 1), (3, 3)),
)
_ATTEMPTS = 10

# From `[height, width]` of a frame to a box.
Box = Callable[[tf.Tensor], tf.Tensor]


def cut(frames: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Cuts a box out of frames, `[N, H, W, C]`."""
    top, left, height, width = tf.unstack(box)
    return tf.slice(frames, [0, top, left, 0], [-1, height, width, -1])


def decode_and_cut(
    decode: Callable[[np.ndarray, np.ndarray], np.ndarray],
    clip: dict[str, tf.Tensor],
    channels: int,
    box: Box | None,
) -> tf.Tensor:
    """Decodes frames of a clip in Python, and cuts a box out of them.

    Args:
        decode: From a clip's number and the indices of frames to these
            frames, `[N, H, W, C]` uint8.
        clip: Its `number` and `indices`.
        channels: C.
        box: None for all of the frames.
    """
    frames = tf.numpy_function(
        decode, [clip["number"], clip["indices"]], tf.uint8, stateful=False
    )
    frames = tf.ensure_shape(frames, [None, None, None, channels])
    return cut(frames, box(tf.shape(frames)[1:3])) if box else frames


def cut_and_stack(frames: Sequence[tf.Tensor], box: tf.Tensor) -> tf.Tensor:
    """Cuts a box out of each frame, `[H, W, 3]`, and makes a clip of them.

    It copies less than `cut` of stacked frames.
    """
    # Made once, not for each frame: small ops take their time too.
    begin, size = tf.pad(box[:2], [[0, 1]]), tf.concat([box[2:], [-1]], 0)
    return tf.stack([tf.slice(frame, begin, size) for frame in frames])


def center_box(shape: tf.Tensor, size: int) -> tf.Tensor:
    """Returns the central square of `size`; `shape` is `[height, width]`."""
    return _square((shape - size) // 2, size)


def random_box(shape: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns a square of `size` anywhere; `shape` is `[height, width]`."""
    free = tf.cast(shape - size, tf.float32)
    uniform = tf.random.stateless_uniform([2], seed)
    offset = tf.cast(uniform * (free + 1), tf.int32)
    # Rounding may carry it past the end.
    return _square(tf.minimum(offset, shape - size), size)


def multi_scale_box(
    shape: tf.Tensor,
    size: int,
    seed: tf.Tensor,
    *,
    scales: Sequence[float] = (1, 0.875, 0.75, 0.66),
) -> tf.Tensor:
    """Returns a box of TSN's multi-scale corner crop (TSN, section 3.2).

    Height and width are `floor(scale * short side)`, drawn from the pairs of
    scales that are at most one step of `scales` apart; a side within 2 pixels
    of `size` becomes `size` (the reference's rule, which saves a resize), but
    never more than the short side. The position is one of 13: with
    `step = floor((side - crop) / 4)`, 0 to 4 steps from the top and the left.

    Args:
        shape: `[height, width]` of the frame.
        size: What the box will be resized to.
        seed: Of the draw.
        scales: In descending order, each in (0, 1].
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
    # Another draw than that of the sides.
    return tf.concat(
        [step * _draw(_POSITIONS, tf.random.fold_in(seed, 1)), crop], 0
    )


def random_resized_box(
    shape: tf.Tensor,
    seed: tf.Tensor,
    *,
    area: tuple[float, float] = (0.08, 1.0),
) -> tf.Tensor:
    """Returns a box of random area and aspect (Inception's crop).

    The share of the frame's area is uniform in `area`, width / height is
    log-uniform in 3/4..4/3, the place is uniform. Of ten draws the first that
    fits counts; if none does, the largest central square is taken.

    Args:
        shape: `[height, width]` of the frame.
        seed: Of the draw.
        area: Least and largest share of the frame's area.
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
    """Returns the squares of `size` that evaluation looks at.

    1: the centre. 3: both ends and the middle of the long side (the reference
    takes left, right and middle, which in an upright frame are one). 5: the
    corners and the centre.

    Args:
        shape: `[height, width]` of the frame, each at least `size`.
        size: Of the squares.
        crops: C: 1, 3 or 5.

    Returns:
        `[C, 4]` int32.
    """
    free = shape - size
    if crops == 1:
        return center_box(shape, size)[None]
    if crops == 3:
        wide = shape[1] >= shape[0]
        # Halves of the free space, from the top and from the left.
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
