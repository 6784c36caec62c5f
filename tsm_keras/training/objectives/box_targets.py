"""box_targets: the maps that a detector shall compute for given boxes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from tsm_keras.models.config import VideoDetectorConfig

# The share of a side within which another centre still gives a good box, and
# the number of standard deviations that a box's Gaussian takes on it. These are
# the values of TTFNet (Liu et al., 2020), whose Gaussians have the shape of
# their boxes; for squares they are about those of CenterNet.
_SHARE, _DEVIATIONS = 0.54, 6.0


class BoxTargets(NamedTuple):
    """The maps that a detector shall compute, for frames `[..., grid, grid]`.

    Attributes:
        heatmap: `[..., K]`, 1 in the cells that hold the centre of a box of a
            class, and falling to 0 around them.
        counted: `[..., K]`, 1 where the heatmap counts in the loss, else 0.
        box_size: `[..., 2]`, the width and height of the box whose centre is in
            the cell, in cells.
        box_offset: `[..., 2]`, the x and y of this centre, in cells from the
            cell's upper left corner.
        centre: `[..., 1]`, 1 in the cells that hold a centre, else 0.
    """

    heatmap: Any
    counted: Any
    box_size: Any
    box_offset: Any
    centre: Any


def box_targets(
    truth: Mapping[str, Any], config: VideoDetectorConfig
) -> BoxTargets:
    """Returns the maps for boxes, as CenterNet (Zhou et al., 2019) draws them.

    A box puts a Gaussian with the value 1 at the cell of its centre into the
    heatmap of its class; where several overlap, the highest counts. If several
    boxes have their centre in one cell, size and offset are those of the first.
    The heatmap of a class does not count inside of ignored boxes of the class,
    except at the centres of other boxes, and nowhere in frames that are not
    annotated. Boxes without an area are left out.

    Args:
        truth: `boxes`, float32 `[B, T, M, 4]`, the `(x0, y0, x1, y1)` of at
            most M boxes per frame in pixels of the network's image; `classes`,
            integers `[B, T, M]`, negative for boxes that do not exist;
            `ignored`, bool `[B, T, M]`; and `annotated`, bool `[B, T]`.
        config: The config of the network.

    Returns:
        The maps, `[B, T, grid, grid, ...]` float32.
    """
    grid, num_classes = config.grid, len(config.detection.labels)
    cells = truth["boxes"] / float(config.detection.stride)
    corner, end = cells[..., :2], cells[..., 2:]
    size, middle = end - corner, (corner + end) / 2
    exists = (truth["classes"] >= 0) & tf.reduce_all(size > 0, axis=-1)
    exists &= truth["annotated"][..., None]
    ignored = exists & truth["ignored"]
    seen = exists & ~ignored
    # A centre on the right or lower edge belongs to the last cell.
    cell = tf.clip_by_value(tf.cast(tf.floor(middle), tf.int32), 0, grid - 1)
    classes = tf.maximum(tf.cast(truth["classes"], tf.int32), 0)

    def drawn(values):
        """Returns the highest of the `[B, T, M, grid, grid]` of each class."""
        *frames, _, _, _ = tf.unstack(tf.shape(values))
        place = tf.concat([_numbers(classes), classes[..., None]], axis=-1)
        maps = tf.zeros([*frames, num_classes, grid, grid])
        maps = tf.tensor_scatter_nd_max(maps, place, values)
        return tf.transpose(maps, [0, 1, 3, 4, 2])

    heatmap = drawn(_gaussians(cell, size, grid) * _as_mask(seen))
    # A cell is inside of a box if its own centre is.
    points = tf.range(grid, dtype=tf.float32) + 0.5
    inside = (points >= corner[..., None]) & (points <= end[..., None])
    inside = _outer(*tf.unstack(tf.cast(inside, tf.float32), axis=-2))
    counted = 1.0 - drawn(inside * _as_mask(ignored))
    counted = tf.maximum(counted, tf.cast(heatmap == 1.0, tf.float32))
    counted *= tf.cast(truth["annotated"], tf.float32)[..., None, None, None]
    first, centre = _first_boxes(cell, seen, grid)
    offset = middle - tf.cast(cell, tf.float32)
    return BoxTargets(
        heatmap,
        counted,
        tf.gather(size, first, batch_dims=2) * centre,
        tf.gather(offset, first, batch_dims=2) * centre,
        centre,
    )


def _gaussians(cell, size, grid):
    """Returns a Gaussian per box, `[B, T, M, grid, grid]`, 1 at its cell."""
    deviation = (_SHARE * tf.maximum(size, 0.0) + 1.0) / _DEVIATIONS
    distance = tf.range(grid) - cell[..., None]
    distance = tf.cast(distance, tf.float32) / deviation[..., None]
    columns, rows = tf.unstack(tf.exp(-0.5 * distance**2), axis=-2)
    return _outer(columns, rows)


def _outer(columns, rows):
    """Returns the products of the values of columns and rows."""
    return rows[..., :, None] * columns[..., None, :]


def _first_boxes(cell, seen, grid):
    """Returns the number of the first box of each cell, and where there is one.

    Args:
        cell: `[B, T, M, 2]`, the x and y of the cell of each box.
        seen: `[B, T, M]`, whether the box counts.
        grid: The height and width of the grid.

    Returns:
        `[B, T, grid, grid]` numbers, and `[B, T, grid, grid, 1]` of 1 and 0.
    """
    *frames, most = tf.unstack(tf.shape(seen))
    # Of equal places the highest value stays, so the first box is the highest.
    value = (most - tf.range(most)) * tf.cast(seen, tf.int32)
    place = tf.concat([_numbers(value), cell[..., ::-1]], axis=-1)
    highest = tf.zeros([*frames, grid, grid], tf.int32)
    highest = tf.tensor_scatter_nd_max(highest, place, value)
    first = tf.where(highest > 0, most - highest, 0)
    return first, tf.cast(highest > 0, tf.float32)[..., None]


def _numbers(boxes):
    """Returns the numbers of clip and frame of each box, `[B, T, M, 2]`."""
    clips, frames, most = tf.unstack(tf.shape(boxes))
    numbers = tf.meshgrid(tf.range(clips), tf.range(frames), indexing="ij")
    numbers = tf.stack(numbers, axis=-1)[:, :, None]
    return tf.tile(numbers, [1, 1, most, 1])


def _as_mask(boxes):
    return tf.cast(boxes, tf.float32)[..., None, None]
