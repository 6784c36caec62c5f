"""A network learns from a teacher what Hinton et al. (2015) write."""

import numpy as np
import pytest
import tensorflow as tf

from testing.models import randomize, small_config
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import HeadConfig
from tsm_keras.models.quantization.quantization_aware import (
    quantization_aware,
)
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.fit import compile_model, fit
from tsm_keras.training.objectives.classification import cross_entropy
from tsm_keras.training.objectives.distillation import (
    check_teacher,
    distillation_loss,
    remark_on_teacher,
)

pytestmark = pytest.mark.usefixtures("resnet10")

SIZES = [3, 5]


def _log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _expected(shares, student, teacher, *, weight, temperature, smoothing=0.0):
    """The loss of one head per clip, from the paper."""
    targets = (1 - smoothing) * shares + smoothing / shares.shape[1]
    hard = -(targets * _log_softmax(student)).sum(axis=1)
    soft = _log_softmax(teacher / temperature)
    divergence = soft - _log_softmax(student / temperature)
    taught = temperature**2 * (np.exp(soft) * divergence).sum(axis=1)
    return (1 - weight) * hard + weight * taught


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(
    ("weight", "temperature"), [(0.3, 4.0), (1.0, 1.0), (0.9, 20.0)]
)
def test_the_loss_is_that_of_the_paper(mixed, weight, temperature):
    rng = np.random.default_rng(0)
    student, teacher = (
        [3 * rng.normal(size=(6, size)) for size in SIZES] for _ in range(2)
    )
    numbers = [rng.integers(0, size, 6) for size in SIZES]
    shares = [np.eye(size)[x] for size, x in zip(SIZES, numbers, strict=True)]
    if mixed:
        shares = [0.7 * x + 0.3 * np.roll(x, 1, axis=0) for x in shares]
    labels = np.concatenate(shares, 1) if mixed else np.stack(numbers, 1)
    # Smoothing changes the targets of the labels, and not the teacher's.
    loss = distillation_loss(
        cross_entropy(0.1, SIZES), SIZES, weight, temperature
    )
    found = loss(
        tf.constant(labels, tf.float32),
        tf.constant(np.concatenate([*student, *teacher], 1), tf.float32),
    )
    expected = sum(
        _expected(*parts, weight=weight, temperature=temperature, smoothing=0.1)
        for parts in zip(shares, student, teacher, strict=True)
    )
    # The square of 20 multiplies what float32 rounds.
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    # Without the teacher's logits, it is the loss of the labels.
    alone = tf.constant(np.concatenate(student, 1), tf.float32)
    found = loss(tf.constant(labels, tf.float32), alone)
    wanted = cross_entropy(0.1, SIZES)(tf.constant(labels, tf.float32), alone)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def _model(seed, heads, **fields):
    fields = {"num_segments": 2, "dropout": 0.0, **fields}
    config = small_config("resnet10", **fields).changed(heads=heads)
    model = build_clip_model(config)
    randomize(model, seed)
    return model


ONE = (HeadConfig(3, ("cut", "stir", "pour")),)
# Other orders of classes and heads, and another head.
ONE_OF_TEACHER = (HeadConfig(3, ("pour", "cut", "stir")),)
TWO = (HeadConfig(3, name="verb"), HeadConfig(2, ("a", "b"), "noun"))
TWO_OF_TEACHER = (
    HeadConfig(2, ("b", "a"), "noun"),
    HeadConfig(4, name="tool"),
    HeadConfig(3, name="verb"),
)
ORDERS = {"": [1, 2, 0], "verb": [0, 1, 2], "noun": [1, 0]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heads", "of_teacher"),
    [
        pytest.param(ONE, ONE_OF_TEACHER, id="one head"),
        pytest.param(TWO, TWO_OF_TEACHER, id="two heads"),
    ],
)
def test_training_compares_both_networks_on_the_same_clips(heads, of_teacher):
    student = _model(0, heads)
    # It was trained with other clips than it sees here.
    teacher = _model(1, of_teacher, num_segments=3, image_size=64)
    weights = [weight.copy() for weight in teacher.get_weights()]
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (4, 2, 32, 32, 3), np.uint8)
    numbers = {
        head.name: rng.integers(0, head.num_classes, 4) for head in heads
    }
    labels = numbers if len(heads) > 1 else numbers[""]
    data = tf.data.Dataset.from_tensor_slices((clips, labels)).batch(4)
    config = TrainingConfig(
        epochs=1,
        batch_size=4,
        batch_norm="frozen",
        schedule="constant",
        warmup=0.0,
        learning_rate=1e-12,
        teacher_weight=0.6,
        teacher_temperature=3.0,
    )
    same = build_clip_model(
        teacher.video_config.changed(num_segments=2, image_size=32)
    )
    same.set_weights(weights)
    ours, theirs = (
        _by_head(model, clips.astype(np.float32)) for model in (student, same)
    )
    history = fit(
        student,
        data,
        config,
        validation_data=data,
        teacher=teacher,
        verbose=0,
    ).history
    taught = plain = 0.0
    for head in heads:
        shares = np.eye(head.num_classes)[numbers[head.name]]
        of_teacher = theirs[head.name][:, ORDERS[head.name]]
        parts = (shares, ours[head.name], of_teacher)
        taught += _expected(*parts, weight=0.6, temperature=3.0).mean()
        plain += _expected(*parts, weight=0.0, temperature=1.0).mean()
    assert abs(taught - plain) > 0.05
    np.testing.assert_allclose(history["loss"], taught, rtol=1e-3)
    np.testing.assert_allclose(history["val_loss"], plain, rtol=1e-3)
    for weight, before in zip(teacher.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)


def _by_head(model, clips):
    found, heads = model(clips, training=False), model.video_config.heads
    if len(heads) == 1:
        found = {heads[0].output: found}
    return {head.name: found[head.output].numpy() for head in heads}


@pytest.mark.slow
def test_a_student_learns_what_only_the_teacher_knows():
    """Labels have no weight, so that it learns the teacher's predictions."""
    student, teacher = _model(0, ONE), _model(1, ONE)
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (16, 2, 32, 32, 3), np.uint8)
    wanted = teacher(clips.astype(np.float32), training=False).numpy()
    classes = wanted.argmax(axis=1)
    wrong = (classes + 1) % 3
    data = tf.data.Dataset.from_tensor_slices((clips, wrong)).batch(8)
    size = len(student.get_weights())
    history = fit(
        student,
        data,
        TrainingConfig(
            epochs=8,
            batch_size=8,
            learning_rate=3e-3,
            teacher_weight=1.0,
            teacher_temperature=1.0,
        ),
        teacher=teacher,
        verbose=0,
    ).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert len(student.get_weights()) == size
    found = student.predict(clips.astype(np.float32), verbose=0)
    assert np.mean(found.argmax(axis=1) == classes) > 0.8


@pytest.mark.tf_keras_only
def test_a_network_with_rounding_has_a_teacher_too():
    student, teacher = quantization_aware(_model(0, ONE)), _model(1, ONE)
    config = TrainingConfig(teacher_weight=0.6, teacher_temperature=3.0)
    compiled = compile_model(student, config, 1, teacher=teacher)
    clips = np.random.default_rng(0).uniform(0, 256, (4, 2, 32, 32, 3))
    clips, numbers = tf.constant(clips, tf.float32), tf.constant([0, 1, 2, 0])
    own = compiled(clips, training=False)
    found = compiled.compute_loss(clips, numbers, own, None)
    parts = (np.eye(3)[numbers], own.numpy(), teacher(clips).numpy())
    expected = _expected(*parts, weight=0.6, temperature=3.0).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ((HeadConfig(4),), "know the 3 classes .*Received: a teacher for 4"),
        (
            (HeadConfig(3, ("cut", "stir", "fry")),),
            r"Received: a teacher for 3 classes \(cut, stir, fry\)",
        ),
        (TWO, "Received: a teacher for other heads"),
    ],
)
def test_a_teacher_of_other_classes_is_refused(heads, message):
    student, teacher = (
        small_config().changed(heads=found) for found in (ONE, heads)
    )
    with pytest.raises(ValueError, match=message):
        check_teacher(teacher, student)


TEN = {"pixel_mean": (128.0,) * 10, "pixel_std": (64.0,) * 10}


def test_a_teacher_of_other_clips_is_refused_or_remarked_on():
    student = small_config()
    with pytest.raises(ValueError, match="a teacher for 10 channels"):
        check_teacher(
            small_config("resnet18", input_channels=10, **TEN), student
        )
    assert remark_on_teacher(student, student) == ""
    remark = remark_on_teacher(small_config(num_segments=8), student)
    assert "8 segments at 64 pixels" in remark
