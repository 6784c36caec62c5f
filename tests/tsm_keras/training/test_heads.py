"""Training of networks with several heads."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from testing.heads import LIGHTS, MOTIONS, prepare, shared_heads, write_clips
from testing.models import random_clips, small_config
from tsm_keras.command_flags import parse
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import HeadConfig
from tsm_keras.models.presets import load_preset, read_description
from tsm_keras.training import command
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.fit import compile_model
from tsm_keras.training.objectives.classification import (
    MeanClassAccuracy,
    accuracies,
    balanced_weights,
    cross_entropy,
    metric_names,
    monitored,
    with_joined_labels,
)
from tsm_keras.training.objectives.objective import with_one_output
from tsm_keras.training.recipes import Recipe
from tsm_keras.training.runs.run_folder import RunFolder
from tsm_keras.training.runs.train_in_folder import (
    clip_accuracies,
    train_in_folder,
)
from tsm_keras.training.start_weights import start_from
from tsm_keras.training.starting_point import starting_model

pytestmark = pytest.mark.usefixtures("resnet10")

VERB = HeadConfig(3, ("cut", "stir", "pour"), "verb")
NOUN = HeadConfig(5, tuple("abcde"), "noun")
SIZES = [3, 5]


def _model(*heads):
    config = small_config("resnet10", num_segments=2).changed(heads=heads)
    return build_clip_model(config)


def _log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("mixed", [False, True])
def test_the_loss_is_the_sum_over_heads(smoothing, mixed):
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(6, size)) for size in SIZES]
    numbers = [rng.integers(0, size, 6) for size in SIZES]
    shares = [np.eye(size)[x] for size, x in zip(SIZES, numbers, strict=True)]
    if mixed:
        shares = [0.7 * x + 0.3 * np.roll(x, 1, axis=0) for x in shares]
    expected = 0.0
    for part, share, size in zip(parts, shares, SIZES, strict=True):
        target = (1 - smoothing) * share + smoothing / size
        expected = expected - (target * _log_softmax(part)).sum(axis=1)
    labels = np.concatenate(shares, 1) if mixed else np.stack(numbers, 1)
    loss = cross_entropy(smoothing, SIZES)
    found = loss(
        tf.constant(labels, tf.float32),
        tf.constant(np.concatenate(parts, 1), tf.float32),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("mixed", [False, True])
def test_balanced_losses_weigh_the_classes_of_each_head_alike(mixed):
    rng = np.random.default_rng(0)
    counts = [[6, 2, 4], [9, 1, 1, 0, 1]]
    numbers = [np.repeat(np.arange(len(x)), x) for x in counts]
    shares = [np.eye(size)[x] for size, x in zip(SIZES, numbers, strict=True)]
    if mixed:
        shares = [0.7 * x + 0.3 * np.roll(x, 1, axis=0) for x in shares]
    parts = [rng.normal(size=(12, size)) for size in SIZES]
    expected = 0.0
    for part, share, count in zip(parts, shares, counts, strict=True):
        there = sum(x > 0 for x in count)
        factors = [12 / (there * x) if x else 0.0 for x in count]
        entropy = -(share * _log_softmax(part)).sum(axis=1)
        expected = expected + share @ factors * entropy
    weights = [balanced_weights(x) for x in counts]
    for weight, number in zip(weights, numbers, strict=True):
        assert weight[number].mean() == pytest.approx(1)
    labels = np.concatenate(shares, 1) if mixed else np.stack(numbers, 1)
    found = cross_entropy(0.0, SIZES, weights)(
        tf.constant(labels, tf.float32),
        tf.constant(np.concatenate(parts, 1), tf.float32),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_balanced_weights_need_the_number_of_clips():
    model = _model(VERB, NOUN)
    config = TrainingConfig(class_weights="balanced")
    for counts in (None, [[1, 2, 3]], [[1, 2], [1, 2, 3, 4, 5]]):
        with pytest.raises(ValueError, match=r"\[3, 5\] numbers.*Received"):
            compile_model(model, config, 1, counts)
    compiled = compile_model(model, config, 1, [[1, 2, 3], [1, 2, 3, 4, 5]])
    clips = random_clips(model.video_config, clips=2)
    loss = compiled.train_on_batch(clips, np.array([[0, 1], [2, 4]]))
    assert np.isfinite(loss[0] if isinstance(loss, list) else loss)


def test_metrics_are_the_accuracy_of_each_head_and_of_all():
    labels = np.array([[0, 4], [1, 4], [2, 0], [2, 1]])
    guesses = np.array([[0, 4], [1, 0], [0, 0], [2, 1]])
    logits = np.concatenate(
        [np.eye(size)[x] for size, x in zip(SIZES, guesses.T, strict=True)], 1
    )
    names = metric_names([VERB, NOUN])
    assert names == ["verb_top1", "noun_top1", "all_top1"]
    shares = np.concatenate(
        [np.eye(size)[x] for size, x in zip(SIZES, labels.T, strict=True)], 1
    )
    for given in (labels, 0.7 * shares + 0.3 * np.roll(shares, 1, axis=0)):
        found = {}
        for metric in accuracies(names, SIZES):
            metric.update_state(
                tf.constant(given, tf.float32), tf.constant(logits, tf.float32)
            )
            found[metric.name] = float(metric.result())
        assert found == {"verb_top1": 0.75, "noun_top1": 0.75, "all_top1": 0.5}
    assert metric_names([HeadConfig(3)]) == ["top1"]


def test_mean_class_accuracy_is_the_mean_recall_of_each_head():
    rng = np.random.default_rng(0)
    # Few clips, so that some classes have none.
    numbers = [rng.integers(0, size - 1, 7) for size in SIZES]
    logits = [rng.normal(size=(7, size)) for size in SIZES]
    heads = []
    for label, part in zip(numbers, logits, strict=True):
        right = part.argmax(axis=1) == label
        heads.append(np.mean([right[label == x].mean() for x in {*label}]))
    metric = MeanClassAccuracy(SIZES)
    for rows in (slice(0, 4), slice(4, 7)):
        metric.update_state(
            tf.constant(np.stack(numbers, 1)[rows], tf.int64),
            tf.constant(np.concatenate(logits, 1)[rows], tf.float32),
        )
    # Clips of the weight 0 fill up the batches of several devices.
    metric.update_state(
        tf.constant(np.stack(numbers, 1), tf.int64),
        tf.constant(np.concatenate(logits, 1)[::-1], tf.float32),
        sample_weight=tf.zeros(7),
    )
    assert float(metric.result()) == pytest.approx(np.mean(heads))
    metric.reset_state()
    assert float(metric.result()) == 0
    assert monitored([VERB, NOUN]).name == "val_all_top1"
    assert monitored([VERB, NOUN], "mean_class_accuracy") == (
        "val_mean_class_accuracy",
        1,
    )


def test_the_view_that_is_trained_has_the_weights_of_the_model():
    model = _model(VERB, NOUN)
    view = with_one_output(model)
    clips = random_clips(model.video_config, clips=2)
    parts = model(clips)
    expected = np.concatenate([parts["logits_verb"], parts["logits_noun"]], 1)
    np.testing.assert_array_equal(view(clips), expected)
    assert {id(x) for x in view.weights} == {id(x) for x in model.weights}
    alone = _model(HeadConfig(3))
    assert with_one_output(alone) is alone


def test_labels_of_other_heads_are_refused():
    labels = {"verb": np.zeros(2, int), "tool": np.zeros(2, int)}
    data = tf.data.Dataset.from_tensors((np.zeros((2, 1)), labels))
    with pytest.raises(ValueError, match=r"'verb', 'noun'.*'tool'"):
        with_joined_labels(data, [VERB, NOUN])


OTHER = HeadConfig(5, tuple("vwxyz"), "noun")
TOOL = HeadConfig(2, ("knife", "spoon"), "tool")


@pytest.mark.parametrize(
    ("before", "after", "skipped"),
    [
        ((VERB, NOUN), (NOUN, VERB), {}),
        ((VERB, NOUN), (VERB, OTHER), {"classifier_noun": "other classes"}),
        ((VERB, NOUN), (TOOL, VERB), {"classifier_tool": "no head 'tool'"}),
        (
            (HeadConfig(3),),
            (VERB, NOUN),
            {f"classifier_{x}": f"no head '{x}'" for x in ("verb", "noun")},
        ),
        ((VERB, NOUN), (HeadConfig(3),), {"classifier": "several heads"}),
    ],
)
def test_a_start_takes_the_heads_that_are_the_same(before, after, skipped):
    source, model = _model(*before), _model(*after)
    fresh = {x.name: x.get_weights() for x in model.layers}
    report = start_from(model, source, "old")
    assert {*report.skipped} == {*skipped}
    for name, reason in skipped.items():
        assert reason in report.skipped[name]
        for one, other in zip(
            model.get_layer(name).get_weights(), fresh[name], strict=True
        ):
            np.testing.assert_array_equal(one, other)
    names = {layer.name for layer in model.layers if layer.weights}
    assert {*report.loaded} == names - {*skipped}
    for name in report.loaded:
        for one, other in zip(
            model.get_layer(name).get_weights(),
            source.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def test_the_heads_of_the_data_make_those_of_the_network():
    clips = open_clips(shared_heads().folder, "train")
    recipe = Recipe(network={"backbone": "resnet18", "image_size": 32})
    model, _ = starting_model(recipe, {}, clips)
    assert model.video_config.heads == (
        HeadConfig(2, MOTIONS, "motion"),
        HeadConfig(2, LIGHTS, "light"),
    )
    source = _model(HeadConfig(2, LIGHTS, "light"), NOUN)
    recipe = Recipe(network={"image_size": 32})
    model, report = starting_model(recipe, {}, clips, source=source, name="x")
    assert [x.name for x in model.video_config.heads] == ["motion", "light"]
    assert {*report.skipped} == {"classifier_motion"}


def _batches(count, batch_size=4):
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (count, 2, 32, 32, 3)).astype(np.float32)
    labels = {"verb": np.arange(count) % 3, "noun": np.arange(count) % 5}
    data = tf.data.Dataset.from_tensor_slices((clips, labels))
    return data.batch(batch_size)


def test_a_run_logs_all_heads_and_keeps_the_epoch_in_which_all_are_right(
    tmp_path,
):
    run = RunFolder(tmp_path)
    model = _model(VERB, NOUN)
    config = TrainingConfig(
        epochs=2, batch_size=4, learning_rate=0.02, patience=3
    )
    finished = train_in_folder(
        run,
        model,
        config,
        lambda batch_size, epochs=(0,), **_: _batches(8).repeat(len(epochs)),
        lambda batch_size, **_: _batches(8, batch_size),
        provenance={"data": "noise"},
    )
    rows = run.epochs()
    names = ["verb_top1", "noun_top1", "all_top1"]
    for name in names:
        assert len([float(row[name]) for row in rows]) == 2
        assert len([float(row[f"val_{name}"]) for row in rows]) == 2
    values = [float(row["val_all_top1"]) for row in rows]
    best = rows[int(np.argmax(values))]
    about = read_description(run.preset("best"))["provenance"]
    assert about["epoch"] == int(best["epoch"]) + 1
    for name in names:
        assert about[f"val_{name}"] == pytest.approx(float(best[f"val_{name}"]))
    assert "val_top1" not in about
    # The preset has the weights that were measured.
    preset = load_preset(run.preset("best"))
    assert preset.video_config.heads == (VERB, NOUN)
    found = clip_accuracies(preset, _batches(8))
    assert found == pytest.approx({x: about[f"val_{x}"] for x in names})
    assert finished.complete and finished.provenance == about


@pytest.mark.slow
def test_both_heads_of_generated_gestures_are_learnt(tmp_path, capsys):
    """From a CSV list to a preset that is right about clips it never saw."""
    videos = write_clips(tmp_path / "videos", train=16, test=8)
    prepare(videos, tmp_path / "set")
    settings = (
        *("--backbone=resnet18", "--segments=4", "--size=32", "--dropout=0"),
        *("--epochs=14", "--batch_size=16", "--cache", "--seed=1"),
    )
    to = tmp_path / "preset"
    arguments = [f"--data={tmp_path / 'set'}", f"--to={to}", *settings]
    parse(command.FLAGS, "tsm train", arguments)
    command.main([])
    about = read_description(to)["provenance"]
    model = load_preset(to)
    assert [x.name for x in model.video_config.heads] == ["motion", "light"]
    # Chance is one half, and one quarter for both; a network without shift
    # cannot tell the motions apart.
    assert about["val_motion_top1"] >= 0.7
    assert about["val_light_top1"] >= 0.9
    assert about["val_all_top1"] >= 0.6
    written = json.loads(pathlib.Path(f"{to}.run", "run.json").read_text())
    assert written["finished"]
