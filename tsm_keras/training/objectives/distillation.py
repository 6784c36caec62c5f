"""Knowledge distillation: a network also learns the predictions of a teacher.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import HeadConfig, VideoClassifierConfig
from tsm_keras.models.precision import precision
from tsm_keras.models.presets import preset_hash
from tsm_keras.models.weights import rebuild


def check_teacher(
    teacher: VideoClassifierConfig, student: VideoClassifierConfig
) -> None:
    """Raises a ValueError if a network cannot teach another one.

    Args:
        teacher: The config of the teacher.
        student: The config of the network to train.
    """
    if not all(
        isinstance(config, VideoClassifierConfig)
        for config in (teacher, student)
    ):
        raise ValueError(
            "A teacher and the network that it teaches must classify clips. "
            f"Received: a {type(teacher).__name__} for a "
            f"{type(student).__name__}"
        )
    if teacher.input.channels != student.input.channels:
        raise ValueError(
            f"The teacher must see the same clips, with "
            f"{student.input.channels} channels. "
            f"Received: a teacher for {teacher.input.channels} channels"
        )
    known = {head.name: head for head in teacher.heads}
    for head in student.heads:
        found = known.get(head.name)
        if found is None or _places(found, head) is None:
            of_head = f" of the head {head.name!r}" if head.name else ""
            raise ValueError(
                f"The teacher must know the {head.num_classes} classes"
                f"{of_head} that the network learns, in any order. "
                f"Received: a teacher for {_classes(found)}"
            )


def remark_on_teacher(
    teacher: VideoClassifierConfig, student: VideoClassifierConfig
) -> str:
    """Returns a remark if a teacher was trained on other clips, else `""`.

    Args:
        teacher: As in `check_teacher`.
        student: As in `check_teacher`.
    """
    sizes = [
        f"{config.clip.num_segments} segments at {config.input.image_size} "
        "pixels"
        for config in (teacher, student)
    ]
    if sizes[0] == sizes[1]:
        return ""
    return (
        f"the teacher was trained with {sizes[0]}; it sees the clips of this "
        f"training, {sizes[1]}, and may predict worse"
    )


def teacher_provenance(path: str | None) -> dict[str, str]:
    """Returns what the provenance of a student says about its teacher.

    Args:
        path: The preset of the teacher; None without a teacher.
    """
    if not path:
        return {}
    return {"teacher": path, "teacher_sha256": preset_hash(path)}


class Distilled(keras.Model):
    """A network whose training loss also compares it with a teacher.

    It shares its layers with the network and adds no weights. Only the loss of
    training sees the teacher: its logits stand behind those of the network,
    for `distillation_loss`. In validation the loss is that of the labels.

    Args:
        student: The model to train, whose only output has the logits of all
            heads side by side.
        config: The config of that network.
        teacher: The clip model that teaches; it does not change.
        dtype: The name of the precision that the teacher computes in. Its
            logits are float32.
    """

    def __init__(
        self,
        student: keras.Model,
        config: VideoClassifierConfig,
        teacher: keras.Model,
        dtype: str,
    ):
        super().__init__(
            student.inputs[0], student.outputs[0], name=student.name
        )
        self.video_config = config
        logits = _teacher_logits(teacher, config, dtype)
        # Inside a function, Keras does not track the teacher as a part.
        self._logits_of_teacher = lambda clips: logits(clips)
        self._learns = True

    # Both versions of Keras call `compute_loss` for training and validation.
    def test_step(self, data: Any) -> Any:
        self._learns = False
        try:
            return super().test_step(data)
        finally:
            self._learns = True

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, **options
    ):
        if self._learns:
            logits = tf.cast(self._logits_of_teacher(x), y_pred.dtype)
            y_pred = tf.concat([y_pred, logits], axis=-1)
        return super().compute_loss(x, y, y_pred, sample_weight, **options)


def distillation_loss(
    of_labels: Callable[[Any, Any], Any],
    num_classes: Sequence[int],
    weight: float,
    temperature: float,
) -> Callable[[Any, Any], Any]:
    """Returns the loss of labels and teacher together.

    It is `(1 - weight) * of_labels + weight * temperature**2 * KL`, where KL is
    the Kullback-Leibler divergence of the network's distribution from the
    teacher's, both at the temperature, summed over heads. The square keeps the
    size of gradients independent of the temperature.

    Args:
        of_labels: The loss of the labels, with label smoothing, mixing and
            class weights. The teacher predicts the same mixed clip.
        num_classes: The number of classes of each head.
        weight: The share of the teacher, in (0, 1].
        temperature: What logits are divided by before the softmax.
    """
    total = sum(num_classes)

    def loss(labels, logits):
        if logits.shape[-1] == total:
            return of_labels(labels, logits)
        student, teacher = tf.split(logits, 2, axis=-1)
        divergence = 0.0
        for own, target in zip(
            tf.split(student, num_classes, axis=-1),
            tf.split(teacher, num_classes, axis=-1),
            strict=True,
        ):
            ours, theirs = (
                tf.nn.log_softmax(x / temperature) for x in (own, target)
            )
            divergence += tf.reduce_sum(
                tf.exp(theirs) * (theirs - ours), axis=-1
            )
        taught = weight * temperature**2 * divergence
        return (1.0 - weight) * of_labels(labels, student) + taught

    return loss


def _teacher_logits(teacher, config, dtype):
    """Returns a function from clips to the logits in the student's order."""
    changed = teacher.video_config.changed(
        num_segments=config.clip.num_segments,
        image_size=config.input.image_size,
        resize_size=config.input.resize_size,
    )
    with precision(dtype):
        network = rebuild(teacher, changed, build_clip_model)
    network.trainable = False
    heads = {head.name: head for head in changed.heads}
    places = [
        (heads[head.name].output, _places(heads[head.name], head))
        for head in config.heads
    ]

    def logits(clips):
        found = network(clips, training=False)
        if len(changed.heads) == 1:
            found = {changed.heads[0].output: found}
        parts = [
            tf.gather(found[name], order, axis=-1) for name, order in places
        ]
        return tf.stop_gradient(tf.concat(parts, axis=-1))

    return logits


def _places(teacher: HeadConfig, student: HeadConfig) -> list[int] | None:
    """Returns the teacher's number of each class; None if classes differ."""
    if teacher.num_classes != student.num_classes:
        return None
    if not teacher.labels or not student.labels:
        # Without names, an equal number counts as equal.
        return [*range(student.num_classes)]
    if {*teacher.labels} != {*student.labels}:
        return None
    return [teacher.labels.index(label) for label in student.labels]


def _classes(head):
    if head is None:
        return "other heads"
    names = ", ".join(head.labels[:5])
    more = ", ..." if len(head.labels) > 5 else ""
    return f"{head.num_classes} classes" + (
        f" ({names}{more})" if names else ""
    )
