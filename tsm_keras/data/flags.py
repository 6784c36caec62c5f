"""Command-line flags for how clips are sampled and augmented."""

from absl import flags

from tsm_keras.data.augmentation import AugmentationConfig
from tsm_keras.data.sampling import SamplingConfig

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
    (
        "crop",
        AugmentationConfig,
        "crop",
        "random, multi_scale (TSM's) or random_resized.",
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
_KINDS = {
    bool: flags.DEFINE_boolean,
    float: flags.DEFINE_float,
    int: flags.DEFINE_integer,
    str: flags.DEFINE_string,
}


def define_flags(flag_values: flags.FlagValues, module_name: str) -> None:
    """Defines a flag for each setting, with the setting's default.

    Args:
        flag_values: Where.
        module_name: Of the command, under which its help lists them.
    """
    for name, config, field, text in _ROWS:
        default = getattr(config(), field)
        _KINDS[type(default)](name, default, text, flag_values=flag_values)
        flag_values.register_flag_by_module(module_name, flag_values[name])


def configs_from_flags(
    flag_values: flags.FlagValues,
) -> tuple[SamplingConfig, AugmentationConfig]:
    """Returns what the flags say.

    Raises:
        ValueError: If a setting is out of range.
    """
    return (
        SamplingConfig(**_fields(flag_values, SamplingConfig)),
        AugmentationConfig(**_fields(flag_values, AugmentationConfig)),
    )


def _fields(flag_values, config):
    return {
        field: flag_values[name].value
        for name, owner, field, _ in _ROWS
        if owner is config
    }
