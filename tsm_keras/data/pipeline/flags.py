"""Command-line flags of `SamplingConfig` and `AugmentationConfig`."""

import dataclasses

from absl import flags

from tsm_keras.command_flags import define_fields, given_fields
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.sampling import SamplingConfig

# Names of flags, each with the field that it sets.
_SAMPLING_FIELDS = {
    "sampling": "method",
    "window": "window",
    "views": "num_views",
    "balanced_sampling": "balanced",
}
_AUGMENTATION_FIELDS = {
    field.name: field.name for field in dataclasses.fields(AugmentationConfig)
}
_SAMPLING = SamplingConfig()
_AUGMENTATION = AugmentationConfig()


def define_flags(flag_values: flags.FlagValues, module_name: str) -> None:
    """Defines one flag per field, with the default of the field.

    Args:
        flag_values: The flag values that receive the flags.
        module_name: The module of the command, which `--help` lists.
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
    """Returns configs with the values of the flags that were given.

    Args:
        flag_values: The parsed flags.
        sampling: Values for the sampling flags that were not given.
        augmentation: Values for the augmentation flags that were not given.

    Raises:
        ValueError: If a value is out of range.
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
