"""Augmentation of clips: all frames of a clip are changed in the same way."""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from tsm_keras.data.augment.color import color_jitter
from tsm_keras.data.augment.crops import (
    multi_scale_box,
    random_box,
    random_resized_box,
)
from tsm_keras.data.augment.mirror import mirror
from tsm_keras.data.augment.mixing import cutmix, mixup
from tsm_keras.data.augment.rand_augment import MAX_MAGNITUDE, rand_augment

_CROPS = ("random", "multi_scale", "random_resized")
_JITTER = ("brightness", "contrast", "saturation", "hue")
# Numbers that are folded into the seed of a clip, so that all draws differ. The
# sampling of frames uses the seed itself.
_CROP, _FLIP, _COLOR, _RANDOM, _MIX = range(1, 6)


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """How clips are changed in training. The default only crops.

    Attributes:
        crop: How a square of the input's size is cut from the frames:
            `"random"` takes one anywhere; `"multi_scale"` is the corner crop
            of TSN and TSM; `"random_resized"` draws area and aspect ratio as
            well, as Inception did.
        crop_scales: Sizes of the `"multi_scale"` crop as shares of the
            frame's short side, descending, in (0, 1].
        crop_area: Smallest and largest share of the frame that the
            `"random_resized"` crop covers, in (0, 1].
        flip: Mirror half of the clips; a mirrored clip gets the class that
            the data set's flip pairs name. Refused where a data set has none.
        brightness: Largest change of the brightness factor from 1, in [0, 1].
        contrast: Largest change of the contrast factor from 1, in [0, 1].
        saturation: Largest change of the saturation factor from 1, in [0, 1].
        hue: Largest turn of the hue, as a share of the colour circle, in
            [0, 0.5].
        rand_augment: The number of RandAugment operations per clip; 0 for
            none.
        magnitude: Strength of RandAugment's operations, 0 to 10.
        mixup: Alpha of MixUp; 0 for none. Labels become `[B, K]` float32.
        cutmix: Alpha of CutMix; 0 for none. With MixUp as well, each batch
            gets one of the two at random.

    Raises:
        ValueError: If a field is out of range.
    """

    crop: str = "random"
    crop_scales: tuple[float, ...] = (1.0, 0.875, 0.75, 0.66)
    crop_area: tuple[float, float] = (0.08, 1.0)
    flip: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    rand_augment: int = 0
    magnitude: float = 9.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self):
        scales, area = self.crop_scales, self.crop_area
        for field, valid, expected in (
            ("crop", self.crop in _CROPS, f"one of {_CROPS}"),
            (
                "crop_scales",
                scales
                and 0 < min(scales) <= max(scales) <= 1
                and list(scales) == sorted(scales, reverse=True),
                "descending numbers in (0, 1]",
            ),
            (
                "crop_area",
                len(area) == 2 and 0 < area[0] <= area[1] <= 1,
                "two ascending numbers in (0, 1]",
            ),
            ("brightness", 0 <= self.brightness <= 1, "in [0, 1]"),
            ("contrast", 0 <= self.contrast <= 1, "in [0, 1]"),
            ("saturation", 0 <= self.saturation <= 1, "in [0, 1]"),
            ("hue", 0 <= self.hue <= 0.5, "in [0, 0.5]"),
            ("rand_augment", self.rand_augment >= 0, "at least 0"),
            (
                "magnitude",
                0 <= self.magnitude <= MAX_MAGNITUDE,
                f"in [0, {MAX_MAGNITUDE}]",
            ),
            ("mixup", self.mixup >= 0, "at least 0"),
            ("cutmix", self.cutmix >= 0, "at least 0"),
        ):
            if not valid:
                raise ValueError(
                    f"`{field}` must be {expected}. "
                    f"Received: {field}={getattr(self, field)!r}"
                )

    @property
    def changes_colors(self) -> bool:
        """Whether colour jitter or RandAugment changes clips."""
        return any(getattr(self, name) for name in _JITTER) or bool(
            self.rand_augment
        )

    @property
    def mixes(self) -> bool:
        """Whether clips of a batch are mixed and labels are `[B, K]`."""
        return bool(self.mixup or self.cutmix)


def augmented_box(
    shape: tf.Tensor, size: int, seed: tf.Tensor, config: AugmentationConfig
) -> tf.Tensor:
    """Draws the box that is cropped from all frames of a clip.

    Args:
        shape: `[height, width]` of the frames, each at least `size`.
        size: The side in pixels that the box will be resized to.
        seed: `[2]` integers, the seed of the clip.
        config: The kind of crop.

    Returns:
        `[top, left, height, width]`, int32, in pixels.
    """
    seed = tf.random.fold_in(seed, _CROP)
    if config.crop == "multi_scale":
        return multi_scale_box(shape, size, seed, scales=config.crop_scales)
    if config.crop == "random_resized":
        return random_resized_box(shape, seed, area=config.crop_area)
    return random_box(shape, size, seed)


def augment_clip(
    clip: tf.Tensor,
    label: tf.Tensor,
    seed: tf.Tensor,
    config: AugmentationConfig,
    mirrored_labels: Sequence[tuple[int, ...] | None] = (),
) -> tuple[tf.Tensor, tf.Tensor]:
    """Applies flip, colour jitter and RandAugment to a cropped clip.

    Args:
        clip: `[T, S, S, C]` uint8 RGB or flow, cropped and resized.
        label: Class number, integer scalar; with several heads `[n]`, one per
            head.
        seed: `[2]` integers, the seed of the clip.
        config: The changes to make.
        mirrored_labels: For each head and each of its classes, the class of
            its mirrored clips; needed for `config.flip`.

    Returns:
        The clip, `[T, S, S, C]` uint8, and its class.
    """
    if config.flip:
        clip, flipped = mirror_at_random(clip, seed)
        partners = [
            tf.gather(tf.constant(table, label.dtype), one)
            for table, one in zip(
                mirrored_labels,
                tf.unstack(tf.reshape(label, [len(mirrored_labels)])),
                strict=True,
            )
        ]
        partner = tf.reshape(tf.stack(partners), tf.shape(label))
        label = tf.where(flipped, partner, label)
    return change_colors(clip, seed, config), label


def mirror_at_random(
    clip: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mirrors a clip with probability 1/2.

    Args:
        clip: `[T, S, S, C]` uint8 RGB or flow.
        seed: `[2]` integers, the seed of the clip.

    Returns:
        The clip, and whether it is mirrored, scalar bool.
    """
    uniform = tf.random.stateless_uniform([], tf.random.fold_in(seed, _FLIP))
    flipped = uniform < 0.5
    return tf.cond(flipped, lambda: mirror(clip), lambda: clip), flipped


def change_colors(
    clip: tf.Tensor, seed: tf.Tensor, config: AugmentationConfig
) -> tf.Tensor:
    """Applies colour jitter and RandAugment; arguments as in `augment_clip`."""
    if config.changes_colors:
        jitter = {name: getattr(config, name) for name in _JITTER}
        pixels = color_jitter(
            tf.cast(clip, tf.float32),
            tf.random.fold_in(seed, _COLOR),
            **jitter,
        )
        pixels = rand_augment(
            pixels,
            tf.random.fold_in(seed, _RANDOM),
            num_ops=config.rand_augment,
            magnitude=config.magnitude,
        )
        clip = tf.cast(tf.round(pixels), tf.uint8)
    return clip


def mix_batch(
    clips: tf.Tensor,
    labels: tf.Tensor,
    seed: tf.Tensor,
    config: AugmentationConfig,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mixes the clips of a batch by MixUp or CutMix.

    Args:
        clips: `[B, T, S, S, C]` uint8.
        labels: `[B, K]` float32, one-hot; with several heads, their labels
            side by side.
        seed: `[2]` integers.
        config: The alphas `mixup` and `cutmix`, at least one of them above 0.

    Returns:
        Clips, `[B, T, S, S, C]` uint8, and labels, `[B, K]` float32.
    """
    seed = tf.random.fold_in(seed, _MIX)

    def fade():
        return mixup(clips, labels, seed, config.mixup)

    def paste():
        return cutmix(clips, labels, seed, config.cutmix)

    if not config.cutmix:
        return fade()
    if not config.mixup:
        return paste()
    coin = tf.random.stateless_uniform([], tf.random.fold_in(seed, 3)) < 0.5
    return tf.cond(coin, fade, paste)
