"""TrainingConfig, Recipe: the settings of a training as plain data."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.sampling import SamplingConfig

_CHOICES = {
    "optimizer": ("adamw", "sgd"),
    "schedule": ("cosine", "step", "constant"),
    "batch_norm": ("train", "partial", "frozen"),
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
    "class_weights": ("none", "balanced"),
    "best_by": ("top1", "mean_class_accuracy", "loss"),
}


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training.

    Attributes:
        epochs: Passes over the training clips.
        batch_size: Clips per step, over all devices and workers together.
        optimizer: The optimizer: `"adamw"`, or `"sgd"` with momentum.
        learning_rate: The highest learning rate of the schedule.
        rate_batch_size: The batch size that `learning_rate` is meant for; with
            another batch size the rate is scaled in proportion (Goyal et al.,
            2017). 0 does not scale it.
        momentum: The momentum of SGD, in [0, 1).
        schedule: How the learning rate changes: `"cosine"` falls to zero,
            `"step"` divides it by ten at each of `step_epochs`, `"constant"`
            keeps it.
        step_epochs: The epochs, counted from 0, at whose start the learning
            rate is divided by ten; for the schedule `"step"` only.
        warmup: The share of all steps during which the learning rate rises
            from a tenth of its peak to the peak, in [0, 1).
        weight_decay: The weight decay of the kernels of convolutions and of
            the classifier; biases and normalization have none. It is decoupled
            in AdamW and added to the gradient in SGD, as in PyTorch.
        bias_rate: Multiplies the learning rate of biases.
        classifier_rate: Multiplies the learning rate of the classifier; its
            bias is multiplied by `bias_rate` as well.
        clip_norm: The global norm that gradients are clipped to; 0 does not
            clip.
        label_smoothing: The probability that is taken from the right class and
            spread over all classes, in [0, 1).
        class_weights: How the loss weights classes: `"none"`, or `"balanced"`
            for factors in inverse proportion to the number of their training
            clips. With several heads, each head has its own factors.
        teacher_weight: The share of the teacher's predictions in the loss, in
            (0, 1]; the labels have the rest. For a training with a teacher.
        teacher_temperature: What the logits of the network and of the teacher
            are divided by before they are compared. A higher one tells more of
            the classes that the teacher finds unlikely.
        class_loss_weight: The weight of a detector's loss of classes, which
            tells each class from the one that it is confused with most
            (docs/training.md). A detector of one class has no such loss.
        batch_norm: How batch normalization trains: `"train"` trains all
            layers; `"partial"` freezes all layers except the first, in
            inference mode (TSN, section 3.3); `"frozen"` freezes all layers.
        sync_batch_norm: Computes the statistics of batch normalization over
            the batches of all devices and workers together, as one device
            would. This is slower.
        frozen_stages: The number of stages of the backbone, counted from the
            input, that do not learn; stage 1 is the stem.
        frozen_epochs: The number of epochs after which the kernels of the
            frozen stages learn too (their normalization stays frozen); 0 keeps
            them frozen.
        ema: The decay of an exponential moving average of the weights, which
            is tested and saved instead of the last weights; 0 averages nothing.
            Keras 3 only.
        accumulate: The number of batches, of `batch_size` clips each, whose
            gradients are added up to one step, for small memories. Keras 3
            only.
        precision: The data type that the network computes in: `"float32"`,
            `"mixed_bfloat16"` or `"mixed_float16"`.
        best_by: What tells the best epoch on the validation clips: `"top1"`
            (with several heads, the share of clips for which all heads are
            right), `"mean_class_accuracy"` (every class has the same weight;
            with several heads, the mean over heads) or `"loss"`.
        patience: Training ends after this many epochs that are not better by
            `best_by`; 0 trains all epochs.
        seed: The seed of the initial weights, the order of clips, the choice
            of frames and the augmentation, in 0..2**32-1.
    """

    epochs: int = 10
    batch_size: int = 16
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    rate_batch_size: int = 0
    momentum: float = 0.9
    schedule: str = "cosine"
    step_epochs: tuple[int, ...] = ()
    warmup: float = 0.1
    weight_decay: float = 1e-4
    bias_rate: float = 1.0
    classifier_rate: float = 1.0
    clip_norm: float = 0.0
    label_smoothing: float = 0.0
    class_weights: str = "none"
    teacher_weight: float = 0.5
    teacher_temperature: float = 4.0
    class_loss_weight: float = 2.0
    batch_norm: str = "train"
    sync_batch_norm: bool = False
    frozen_stages: int = 0
    frozen_epochs: int = 0
    ema: float = 0.0
    accumulate: int = 1
    precision: str = "float32"
    best_by: str = "top1"
    patience: int = 0
    seed: int = 0

    def __post_init__(self):
        object.__setattr__(self, "step_epochs", tuple(self.step_epochs))
        for field, choices in _CHOICES.items():
            if getattr(self, field) not in choices:
                self._refuse(field, f"one of {choices}")
        for field, valid, expected in (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "positive"),
            ("rate_batch_size", self.rate_batch_size >= 0, "at least 0"),
            ("momentum", 0 <= self.momentum < 1, "in [0, 1)"),
            (
                "step_epochs",
                (self.schedule == "step") == bool(self.step_epochs)
                and all(epoch > 0 for epoch in self.step_epochs)
                and list(self.step_epochs) == sorted(set(self.step_epochs)),
                "ascending epochs for schedule='step', and empty otherwise",
            ),
            ("warmup", 0 <= self.warmup < 1, "in [0, 1)"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
            ("bias_rate", self.bias_rate > 0, "positive"),
            ("classifier_rate", self.classifier_rate > 0, "positive"),
            (
                "class_loss_weight",
                0 <= self.class_loss_weight < math.inf,
                "at least 0 and finite",
            ),
            ("clip_norm", self.clip_norm >= 0, "at least 0"),
            ("label_smoothing", 0 <= self.label_smoothing < 1, "in [0, 1)"),
            ("teacher_weight", 0 < self.teacher_weight <= 1, "in (0, 1]"),
            ("teacher_temperature", self.teacher_temperature > 0, "positive"),
            ("frozen_stages", self.frozen_stages >= 0, "at least 0"),
            ("frozen_epochs", self.frozen_epochs >= 0, "at least 0"),
            ("ema", 0 <= self.ema < 1, "in [0, 1)"),
            ("accumulate", self.accumulate >= 1, "at least 1"),
            ("patience", self.patience >= 0, "at least 0"),
            ("seed", 0 <= self.seed < 2**32, f"in 0..{2**32 - 1}"),
        ):
            if not valid:
                self._refuse(field, expected)

    def _refuse(self, field, expected):
        raise ValueError(
            f"`{field}` must be {expected}. "
            f"Received: {field}={getattr(self, field)!r}"
        )

    @property
    def peak_rate(self) -> float:
        """The highest learning rate, after scaling by `rate_batch_size`."""
        if not self.rate_batch_size:
            return self.learning_rate
        clips = self.batch_size * self.accumulate
        return self.learning_rate * clips / self.rate_batch_size

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields by name, as JSON values."""
        return dataclasses.asdict(self)


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
