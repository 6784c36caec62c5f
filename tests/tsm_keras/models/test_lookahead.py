"""A stream with lookahead gives what the clip model gives, some frames late."""

import numpy as np
import pytest

from testing.models import (
    float64,
    float64_twin,
    logits_of,
    random_clip_model,
    random_clips,
    rounding_tolerance,
    small_config,
)
from testing.numerics import FLOAT64_TOLERANCE, relative_error
from testing.streams import stream
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.streaming import (
    build_streaming_model,
    cache_shapes,
    to_streaming,
)
from tsm_keras.models.streaming_classifier import StreamingClassifier
from tsm_keras.models.summary import describe

BOTH = {"shift": "bidirectional"}
CENTRED = {"operator": "mixtconv", "causal": False}
X3D = {"backbone": "x3d", "causal": False}
# The fields of a network, and how many frames late its stream is.
CASES = {
    "mobilenet_v2": (BOTH, 10),
    "stages": (BOTH | {"stages": (3, 4, 5), "causal_stages": (3, 4)}, 2),
    "x3d_past": (X3D | {"context": "past"}, 8),
}
_SLOW = {
    "mixtconv": (CENTRED | {"stages": (5, 6)}, 12),
    "inplace": (BOTH | {"placement": "inplace"}, 10),
    "resnet18": (BOTH | {"backbone": "resnet18"}, 8),
    "resnet50": (BOTH | {"backbone": "resnet50"}, 16),
    "dilated": (CENTRED | {"kernels": (2, 3), "dilations": (1, 2)}, 20),
    "ordinary": (
        {"operator": "conv1d", "kernels": (4,), "causal": False},
        20,
    ),
    "x3d_slowfast": (
        X3D | {"context": "frame", "shortcut_batch_norm": True},
        8,
    ),
    "mobilenet_v3": (BOTH | {"backbone": "mobilenet_v3_small"}, 6),
    "mobilenet_v4": (BOTH | {"backbone": "mobilenet_v4_conv_small"}, 10),
    "efficientnet": (BOTH | {"backbone": "efficientnet_lite0"}, 9),
}
LENGTHS = {"mobilenet_v2": 3, "resnet18": 40, "inplace": 12}


@pytest.mark.parametrize(
    "name",
    [*CASES, *(pytest.param(name, marks=pytest.mark.slow) for name in _SLOW)],
)
def test_equals_the_clip_model_at_every_frame(name):
    """In float64, free of rounding errors, from the first frame to the last."""
    fields, late = (CASES | _SLOW)[name]
    fields = fields | {"num_segments": LENGTHS.get(name, 7)}
    exact = float64_twin(random_clip_model(**fields))
    clips = random_clips(exact.video_config, clips=2)
    with float64():
        network = to_streaming(exact, streams=2, lookahead=True)
    assert network.stream_time.late == late
    _, expected = logits_of(exact, clips)
    assert relative_error(stream(network, clips), expected) <= FLOAT64_TOLERANCE
    # The frames' logits are so different that a wrong frame would show.
    assert relative_error(expected[:, 1:], expected[:, :-1]) > 1e-2


@pytest.mark.slow  # The test above covers the networks.
def test_equals_the_clip_model_in_float32():
    model = random_clip_model(**BOTH, num_segments=16)
    clips = random_clips(model.video_config)
    _, expected = logits_of(model, clips)
    found = stream(to_streaming(model, lookahead=True), clips)
    tolerance = rounding_tolerance(model, clips)
    assert relative_error(found, expected) <= tolerance


def test_streams_start_and_end_by_themselves():
    """One stream is reset in the middle; the other one goes on."""
    model = random_clip_model(**BOTH, stages=(5, 6), num_segments=6)
    first, second = random_clips(model.video_config, clips=2)
    classifier = StreamingClassifier(model, streams=2, lookahead=True)
    delay = classifier.delay
    shown = [(0, 3), (1, 4), (2, 5), (3, 0), (4, 1), (5, 2)]
    steps = []
    for place, (one, other) in enumerate(shown):
        if place == 3:
            classifier.reset(1)
        steps.append(classifier.step(np.stack([first[one], second[other]])))
    steps += classifier.finish()
    found = np.stack(steps, axis=1)
    assert np.isnan(found[:, :delay]).all()
    _, (expected,) = logits_of(model, first[None])
    tolerance = rounding_tolerance(model, first[None])
    assert relative_error(found[0, delay:], expected) <= tolerance
    # The second stream has only the three frames after its reset.
    assert np.isnan(found[1, : 3 + delay]).all()
    short = build_clip_model(
        model.video_config.changed(num_segments=3), return_frame_logits=True
    )
    short.set_weights(model.get_weights())
    _, (expected,) = logits_of(short, second[None, :3])
    assert relative_error(found[1, 3 + delay :], expected) <= tolerance
    # After the end, everything is new.
    again = classifier.step(np.stack([first[0], second[0]]))
    assert np.isnan(again).all()


def test_a_causal_network_does_not_change():
    config = small_config()
    plain, ahead = (
        build_streaming_model(config, lookahead=lookahead)
        for lookahead in (False, True)
    )
    names = [[x.name for x in model.inputs] for model in (plain, ahead)]
    assert names[0] == names[1]
    assert [x.name for x in plain.layers] == [x.name for x in ahead.layers]
    assert not ahead.stream_time.late


@pytest.mark.slow
def test_the_caches_of_mobilenet_v2_hold_little_more_than_the_features():
    config = small_config(**BOTH, width=1.0, image_size=224)
    shapes = cache_shapes(build_streaming_model(config, lookahead=True))
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    # Per mark one frame of features, and an eighth of the one before it.
    assert sizes[1::2] == [size // 8 for size in sizes[::2]]
    assert sum(sizes) == 243_432


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"backbone": "resnet50", "non_local": True, **BOTH}, "non-local"),
        (X3D | {"context": "clip"}, "mean over the whole clip"),
    ],
)
def test_what_needs_the_whole_clip_is_refused(fields, reason):
    with pytest.raises(ValueError, match=f"(?i){reason}.*cannot stream"):
        build_streaming_model(small_config(**fields), lookahead=True)


def test_the_refusal_names_the_way_out_and_its_delay():
    config = small_config(**BOTH, stages=(5, 6), frame_interval=0.25)
    with pytest.raises(ValueError, match="--lookahead.*4 frames .1 s. late"):
        build_streaming_model(config)


def test_the_summary_says_what_the_delay_is():
    model = random_clip_model(
        **BOTH, stages=(3, 4), causal_stages=(3,), frame_interval=0.5
    )
    text = describe(model)
    assert "in stages 3, 4, causal in 3" in text
    assert (
        "stream        3 frames (1.5 s) late, with --lookahead; depends on 5 "
        "earlier frames and 3 later" in text
    )
