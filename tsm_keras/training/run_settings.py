"""Recipe: all settings of a training run except the data."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.training.config import TrainingConfig


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All settings of `tsm train` except the data.

    Attributes:
        training: Settings of the optimization.
        network: Fields of the network's config that differ from their
            defaults. The classes come from the data.
        sampling: How the frames of a clip are chosen.
        augmentation: How clips are changed.
        start: The required origin of the initial weights: `"imagenet"`,
            `"kinetics"` or `"preset"`; empty for random weights.
        task: What is trained: `"classification"` of clips, or `"detection"` of
            objects.
    """

    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    network: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
    augmentation: AugmentationConfig = dataclasses.field(
        default_factory=AugmentationConfig
    )
    start: str = ""
    task: str = "classification"

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON values."""
        return dataclasses.asdict(self)
