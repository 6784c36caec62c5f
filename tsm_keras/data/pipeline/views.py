"""make_views: the views of evaluation, which are crops of clips of videos."""

import dataclasses

import tensorflow as tf

from tsm_keras.data.augment.crops import center_box, cut, view_boxes
from tsm_keras.data.augment.mirror import mirror
from tsm_keras.data.pipeline.dataset import check_channels, check_interval
from tsm_keras.data.pipeline.epochs import with_options
from tsm_keras.data.pipeline.sampling import SamplingConfig, clip_indices
from tsm_keras.data.readers.clip_reader import DataSource, as_reader
from tsm_keras.data.readers.reader import PARALLEL
from tsm_keras.models.config import TakesClips

VIEW_CROPS = (1, 3, 5, 10)


@dataclasses.dataclass(frozen=True)
class ViewConfig:
    """The views of a video that are averaged into one prediction.

    The protocols of the TSM paper are: one `"segments"` clip with the centre
    crop (efficient); `"twice"` clips with 3 crops at full resolution
    (Something-Something); 10 `"dense"` clips with 3 crops at full resolution
    (Kinetics).

    Attributes:
        sampling: How clips are taken from a video.
        crops: The number of square crops per clip: 1 is the centre; 3 are
            spread along the long side; 5 are the corners and the centre; 10
            are these five and their mirror images.
        full_resolution: Whether crops are as large as the short side that
            videos are resized to (256 for a network trained at 224). A network
            that is convolutional up to its pooling takes either size.

    Raises:
        ValueError: If `crops` is not 1, 3, 5 or 10.
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
        """Returns the number of views per video: clips times crops."""
        return self.sampling.clips_per_video(training=False) * self.crops


# The views that papers on Kinetics name by their number per video: 10 clips,
# each with the centre crop or with 3 crops.
NAMED_VIEWS = {
    str(10 * crops): ViewConfig(SamplingConfig("dense"), crops)
    for crops in (1, 3)
}


def make_views(
    source: DataSource,
    config: TakesClips,
    views: ViewConfig,
    *,
    batch_size: int,
) -> tf.data.Dataset:
    """Builds a data set of the views of every video, in batches.

    Each element decodes one clip of a video, so memory does not grow with the
    number of views.

    Args:
        source: As in `make_dataset`.
        config: The number, size and interval of the frames of a clip.
        views: The clips and crops to take. `full_resolution` is ignored: the
            caller sets the `image_size` of `config` accordingly.
        batch_size: The number of views per batch.

    Returns:
        Batches of a dictionary: `clip`, `[B, T, S, S, C]` uint8; `label`,
        `[B]` int64, or `[B, n]` with n heads; and `mirrored`, `[B]` bool. The
        `views.per_video()` views of a video follow each other; videos come in
        the order in which they are stored.

    Raises:
        ValueError: If the network takes another number of channels than
            `source` has, if `"interval"` sampling lacks an interval, or if
            mirrored views are asked of a data set without flip pairs.
    """
    clips = as_reader(source)
    check_channels(clips, config)
    check_interval(views.sampling, config)
    mirrored = [head.mirrored_labels for head in clips.heads]
    if views.mirrors and None in mirrored:
        raise ValueError(
            "`crops` must not be 10 for a data set without `flip_pairs`, which "
            "name the class of a mirrored clip: five crops are mirrored; "
            f"5 is the same without them. Received: crops=10 for {clips.name!r}"
        )
    size, num_segments = config.input.image_size, config.clip.num_segments
    squares = views.crops // 2 if views.mirrors else views.crops
    clips_per_video = views.sampling.clips_per_video(training=False)

    def sample(position):
        number = position // clips_per_video
        clip = clips.describe(number)
        indices = clip_indices(
            clip["num_frames"],
            num_segments,
            views.sampling,
            interval=config.clip.frame_interval * clip["frame_rate"],
        )[position % clips_per_video]
        indices = tf.ensure_shape(indices, [num_segments])
        return {"number": number, "indices": indices, "label": clip["label"]}

    def load(clip):
        if views.crops == 1:
            crops = clips.decode(
                clip,
                config.input.resize_size,
                lambda shape: center_box(shape, size),
            )[None]
        else:
            frames = clips.decode(clip, config.input.resize_size)
            boxes = view_boxes(tf.shape(frames)[1:3], size, squares)
            crops = tf.stack([cut(frames, boxes[i]) for i in range(squares)])
        shape = [squares, num_segments, size, size, config.input.channels]
        crops = tf.ensure_shape(crops, shape)
        if views.mirrors:
            crops = tf.concat([crops, mirror(crops)], 0)
        return {
            "clip": crops,
            "label": tf.repeat(clip["label"][None], views.crops, axis=0),
            "mirrored": tf.range(views.crops) >= squares,
        }

    data = tf.data.Dataset.range(clips.num_clips * clips_per_video)
    data = clips.read_ahead(data.map(sample)).map(load, PARALLEL)
    return with_options(data.unbatch().batch(batch_size), deterministic=True)
