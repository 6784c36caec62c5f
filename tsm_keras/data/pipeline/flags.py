"""Command-line flags for how clips are sampled and augmented."""

import dataclasses

from absl import flags

from tsm_keras.command_flags import define_fields, given_fields
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.sampling import SamplingConfig

# The field of each flag.
_SAMPLING_FIELDS = {
    "sampling": "method",
    "window": "window",
    "views": "num_views",
}
_AUGMENTATION_FIELDS = {
    field.name: field.name for field in dataclasses.fields(AugmentationConfig)
}
_SAMPLING = SamplingConfig()
_AUGMENTATION = AugmentationConfig()


def define_flags(flag_values: flags.FlagValues, module_name: str) -> None:
    """Defines a flag for each setting, with the setting's default.

    Args:
        flag_values: Where the flags are defined.
        module_name: The command's module, under which its help lists them.
    """
    define_fields(
        flag_values, module_name, "sampling", _SAMPLING, _SAMPLING_FIELDS
    )
    define_fields(
        flag_values,
        module_name,
        "augmentation",
        _AUGMENTATION,
        _AUGMENTATION_FIELDS,
    )


def configs_from_flags(
    flag_values: flags.FlagValues,
    sampling: SamplingConfig = _SAMPLING,
    augmentation: AugmentationConfig = _AUGMENTATION,
) -> tuple[SamplingConfig, AugmentationConfig]:
    """Returns the settings of the flags.

    Args:
        flag_values: Where the flags were defined.
        sampling: The settings where no flag is given.
        augmentation: The settings where no flag is given.

    Raises:
        ValueError: If a setting is out of range.
    """
    return (
        dataclasses.replace(
            sampling,
            **given_fields(flag_values, SamplingConfig, _SAMPLING_FIELDS),
        ),
        dataclasses.replace(
            augmentation,
            **given_fields(
                flag_values, AugmentationConfig, _AUGMENTATION_FIELDS
            ),
        ),
    )
