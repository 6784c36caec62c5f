"""make_views: what evaluation looks at: clips of a video, crops of a clip."""

import dataclasses

import tensorflow as tf

from tsm_keras.data.augment.crops import center_box, cut, view_boxes
from tsm_keras.data.augment.mirror import mirror
from tsm_keras.data.pipeline.dataset import check_channels, check_interval
from tsm_keras.data.pipeline.sampling import SamplingConfig, clip_indices
from tsm_keras.data.readers.clip_reader import DataSource, as_reader
from tsm_keras.models.config import VideoClassifierConfig

VIEW_CROPS = (1, 3, 5, 10)


@dataclasses.dataclass(frozen=True)
class ViewConfig:
    """Which views of a video are averaged into one prediction.

    The protocols of the TSM paper: one segments clip and the centre
    (efficient); `twice` clips of 3 crops at full resolution
    (Something-Something); 10 dense clips of 3 crops at full resolution
    (Kinetics).

    Attributes:
        sampling: Which clips are taken from a video.
        crops: Squares a clip: 1, the centre; 3 along the long side; 5, corners
            and centre; 10, these and their mirror images.
        full_resolution: Whether the squares are as large as the short side
            that videos are resized to (256 for a network of 224), which the
            network takes as it is convolutional up to its pool.

    Raises:
        ValueError: If `crops` is another number.
    """

    sampling: SamplingConfig = SamplingConfig()  # noqa: RUF009, it is frozen.
    crops: int = 1
    full_resolution: bool = False

    def __post_init__(self):
        if self.crops not in VIEW_CROPS:
            raise ValueError(
                f"`crops` must be one of {VIEW_CROPS}. "
                f"Received: crops={self.crops!r}"
            )

    @property
    def mirrors(self) -> bool:
        """Whether some views are mirror images."""
        return self.crops == 10

    def per_video(self) -> int:
        """Returns how many views of a video there are."""
        return self.sampling.clips_per_video(training=False) * self.crops


def make_views(
    source: DataSource,
    config: VideoClassifierConfig,
    views: ViewConfig,
    *,
    batch_size: int,
) -> tf.data.Dataset:
    """Yields the views of every video, in batches of one size.

    One clip of a video is decoded at a time, so memory does not grow with the
    number of views.

    Args:
        source: As in `make_dataset`.
        config: Says how many frames of which size.
        views: What to look at. (`full_resolution` is for the caller to say, by
            the `image_size` of `config`.)
        batch_size: Views a batch.

    Returns:
        Batches of a dictionary: `clip`, `[B, T, S, S, C]` uint8, `label`,
        `[B]` int64, and `mirrored`, `[B]` bool. The `views.per_video()` views
        of a video follow each other; videos come in the order in which they
        are stored.

    Raises:
        ValueError: If the network takes something else than `source` has, or
            mirrored views are wanted of classes that must not be mirrored.
    """
    clips = as_reader(source)
    check_channels(clips, config)
    check_interval(views.sampling, config)
    if views.mirrors and clips.mirrored_labels is None:
        raise ValueError(
            "`crops` must not be 10, five of which are mirrored, for a data "
            "set without `flip_pairs`, which say what a mirrored clip shows; "
            f"5 is the same without them. Received: crops=10 for {clips.name!r}"
        )
    size, num_segments = config.image_size, config.num_segments
    squares = views.crops // 2 if views.mirrors else views.crops
    clips_per_video = views.sampling.clips_per_video(training=False)

    def sample(position):
        number = position // clips_per_video
        clip = clips.describe(number)
        indices = clip_indices(
            clip["num_frames"],
            num_segments,
            views.sampling,
            interval=config.frame_interval * clip["frame_rate"],
        )[position % clips_per_video]
        indices = tf.ensure_shape(indices, [num_segments])
        return {"number": number, "indices": indices, "label": clip["label"]}

    def load(clip):
        if views.crops == 1:
            crops = clips.decode(
                clip,
                config.resize_size,
                lambda shape: center_box(shape, size),
            )[None]
        else:
            frames = clips.decode(clip, config.resize_size)
            boxes = view_boxes(tf.shape(frames)[1:3], size, squares)
            crops = tf.stack([cut(frames, boxes[i]) for i in range(squares)])
        shape = [squares, num_segments, size, size, config.input_channels]
        crops = tf.ensure_shape(crops, shape)
        if views.mirrors:
            crops = tf.concat([crops, mirror(crops)], 0)
        return {
            "clip": crops,
            "label": tf.repeat(clip["label"], views.crops),
            "mirrored": tf.range(views.crops) >= squares,
        }

    data = tf.data.Dataset.range(clips.num_clips * clips_per_video)
    data = clips.read_ahead(data.map(sample)).map(load, tf.data.AUTOTUNE)
    return data.unbatch().batch(batch_size).prefetch(1)
