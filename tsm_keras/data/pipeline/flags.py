"""Command-line flags for how clips are sampled and augmented."""

import dataclasses

from absl import flags

from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.sampling import SamplingConfig

# Flag, config, field, what it does.
_ROWS = (
    (
        "sampling",
        SamplingConfig,
        "method",
        "segments (spread over the video), twice, dense (a window) or "
        "interval (the pace of a stream).",
    ),
    ("window", SamplingConfig, "window", "Frames of dense sampling's window."),
    ("views", SamplingConfig, "num_views", "Clips of a dense test."),
    (
        "crop",
        AugmentationConfig,
        "crop",
        "random, multi_scale (TSM's) or random_resized.",
    ),
    (
        "crop_scales",
        AugmentationConfig,
        "crop_scales",
        "Of multi_scale, descending, with commas.",
    ),
    (
        "crop_area",
        AugmentationConfig,
        "crop_area",
        "Of random_resized: least and largest share of the frame.",
    ),
    (
        "flip",
        AugmentationConfig,
        "flip",
        "Mirror every second clip, and its class by the data set's pairs.",
    ),
    ("brightness", AugmentationConfig, "brightness", "Jitter, 0..1."),
    ("contrast", AugmentationConfig, "contrast", "Jitter, 0..1."),
    ("saturation", AugmentationConfig, "saturation", "Jitter, 0..1."),
    ("hue", AugmentationConfig, "hue", "Jitter, 0..0.5."),
    (
        "rand_augment",
        AugmentationConfig,
        "rand_augment",
        "Operations a clip of RandAugment, 0 for none.",
    ),
    ("magnitude", AugmentationConfig, "magnitude", "Of these, 0..10."),
    ("mixup", AugmentationConfig, "mixup", "Alpha of MixUp, 0 for none."),
    ("cutmix", AugmentationConfig, "cutmix", "Alpha of CutMix, 0 for none."),
)
_SAMPLING = SamplingConfig()
_AUGMENTATION = AugmentationConfig()
_KINDS = {
    bool: flags.DEFINE_boolean,
    float: flags.DEFINE_float,
    int: flags.DEFINE_integer,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_list,  # Of numbers.
}


def define_flags(flag_values: flags.FlagValues, module_name: str) -> None:
    """Defines a flag for each setting, with the setting's default.

    Args:
        flag_values: Where.
        module_name: Of the command, under which its help lists them.
    """
    for name, config, field, text in _ROWS:
        default = getattr(config(), field)
        kind = _KINDS[type(default)]
        if kind is flags.DEFINE_list:
            default = [str(number) for number in default]
        kind(name, default, text, flag_values=flag_values)
        flag_values.register_flag_by_module(module_name, flag_values[name])


def configs_from_flags(
    flag_values: flags.FlagValues,
    sampling: SamplingConfig = _SAMPLING,
    augmentation: AugmentationConfig = _AUGMENTATION,
) -> tuple[SamplingConfig, AugmentationConfig]:
    """Returns what the flags say.

    Args:
        flag_values: Where they were defined.
        sampling: What holds where nothing is given.
        augmentation: The same.

    Raises:
        ValueError: If a setting is out of range.
    """
    return (
        dataclasses.replace(sampling, **_given(flag_values, sampling)),
        dataclasses.replace(augmentation, **_given(flag_values, augmentation)),
    )


def _given(flag_values, config):
    fields = {
        field: flag_values[name].value
        for name, owner, field, _ in _ROWS
        if isinstance(config, owner) and flag_values[name].present
    }
    for field, value in fields.items():
        if isinstance(value, list):
            try:
                fields[field] = tuple(float(number) for number in value)
            except ValueError:
                raise ValueError(
                    f"`{field}` must be numbers with commas between them. "
                    f"Received: {field}={','.join(value)!r}"
                ) from None
    return fields
