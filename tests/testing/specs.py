"""Makes specs of artifacts: a fixed one, and random valid ones."""

import dataclasses

from hypothesis import strategies as st

from tsm_live.artifact.detection import DetectionRule
from tsm_live.artifact.spec import ArtifactSpec, TensorSpec

SPEC = ArtifactSpec(
    kind="stream",
    inputs=(
        TensorSpec("frame", (1, 64, 64, 3), "int8", 1.0, -128, role="frame"),
        TensorSpec(
            *("cache_00", (1, 16, 16, 1), "int8", 0.02, 67),
            role="cache",
            frames=1,
            fed_by="cache_00_out",
        ),
    ),
    outputs=(
        TensorSpec(
            *("logits", (1, 2), "int8", 0.1, 3),
            role="logits",
            labels=("push", "größer <b>"),
            no_gesture=("push",),
        ),
        TensorSpec(
            *("cache_00_out", (1, 16, 16, 1), "int8", 0.02, 67),
            role="cache_out",
        ),
    ),
    resize_size=73,
    frame_interval=0.17,
    num_segments=8,
    quantization="int8",
    preset_hash="ab" * 32,
    versions={"tsm_export": "0.1.0"},
    decision={"average": 0.5, "start_score": 0.7},
)

_VERB = TensorSpec(
    *("verb", (1, 3), "int8", 0.1, 3),
    role="logits",
    labels=("none", "open", "close"),
    no_gesture=("none",),
)
_NOUN = TensorSpec(
    *("noun", (1, 3), "int8", 0.2, -7),
    role="logits",
    labels=("hand", "door", "none"),
)
TWO_HEADS = dataclasses.replace(
    SPEC, outputs=(_VERB, _NOUN, *SPEC.outputs[1:]), decision={}
)

DETECTOR = dataclasses.replace(
    SPEC,
    task="detection",
    outputs=(
        TensorSpec("offsets", (1, 8, 8, 2), "float32", role="box_offset"),
        TensorSpec("sizes", (1, 8, 8, 2), "int8", 0.1, -128, role="box_size"),
        TensorSpec(
            *("centres", (1, 8, 8, 3), "int8", 0.1, 9),
            role="heatmap",
            labels=("cat", "dog", "bird"),
        ),
        *SPEC.outputs[1:],
    ),
    decision={},
    detection=DetectionRule(stride=8, threshold=0.4, top=20),
)

_COUNTS = st.integers(1, 9)
_SECONDS = st.floats(0, 1e9)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
_LABELS = _TEXTS.filter(lambda text: text.splitlines() == [text])
_INTEGERS = {"int8": (-128, 127), "uint8": (0, 255)}


@st.composite
def specs(draw):
    """Draws a spec of any kind: streams or clips, any number of heads."""
    kind = draw(st.sampled_from(["stream", "clip"]))
    layout = draw(st.sampled_from(["NHWC", "NCHW"]))
    size, count = draw(st.integers(1, 512)), draw(_COUNTS)
    image = {
        "NHWC": (count, size, size, 3),
        "NCHW": (count, 3, size, size),
    }[layout]
    names = draw(st.lists(_LABELS, min_size=9, max_size=9, unique=True))
    role = {"stream": "frame", "clip": "clip"}[kind]
    inputs = [draw(_tensors(names.pop(), image, role=role))]
    rows = count if kind == "stream" else 1
    late = draw(st.integers(0, 3)) if kind == "stream" else 0
    if late:
        entries = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
        inputs.append(draw(_valid(names.pop(), count, layout, entries)))
    outputs = [
        dataclasses.replace(draw(_heads(names.pop(), rows)), late=late)
        for _ in range(draw(st.integers(1, 2)))
    ]
    for _ in range(draw(st.integers(0, 2)) if kind == "stream" else 0):
        shape = (count, *draw(st.tuples(_COUNTS, _COUNTS, _COUNTS)))
        name, fed_by = names.pop(), names.pop()
        cache = draw(
            _tensors(
                name,
                shape,
                floats=("float32", "float16"),
                role="cache",
                frames=draw(st.integers(0, 9)),
                fed_by=fed_by,
                late=draw(st.integers(0, late)),
            )
        )
        inputs.append(cache)
        outputs.append(
            dataclasses.replace(cache.bare, name=fed_by, role="cache_out")
        )
    scores = sorted(draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    return ArtifactSpec(
        kind=kind,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        resize_size=draw(st.integers(size, 16 * size)),
        frame_interval=draw(_SECONDS),
        num_segments=draw(_COUNTS),
        quantization=draw(_TEXTS),
        preset_hash=draw(st.sampled_from(["", "0f" * 32])),
        versions=draw(st.dictionaries(_TEXTS, _TEXTS, max_size=2)),
        layout=layout,
        decision=draw(
            st.sampled_from(
                [
                    {},
                    {"average": draw(_SECONDS), "cooldown": draw(_SECONDS)},
                    {"end_score": scores[0], "start_score": scores[1]},
                ]
            )
        ),
    )


@st.composite
def _tensors(draw, name, shape, floats=("float32",), **fields):
    dtype = draw(st.sampled_from([*floats, *_INTEGERS]))
    scale, zero_point = 0.0, 0
    if dtype in _INTEGERS:
        scale = draw(st.floats(1e-6, 1e6))
        zero_point = draw(st.integers(*_INTEGERS[dtype]))
    return TensorSpec(name, shape, dtype, scale, zero_point, **fields)


def _valid(name, streams, layout, entries):
    shape = {
        "NHWC": (streams, 1, 1, len(entries)),
        "NCHW": (streams, len(entries), 1, 1),
    }[layout]
    return _tensors(name, shape, role="valid", entries=tuple(entries))


@st.composite
def _heads(draw, name, rows):
    labels = draw(st.lists(_LABELS, min_size=1, max_size=5, unique=True))
    return draw(
        _tensors(
            name,
            (rows, len(labels)),
            role=draw(st.sampled_from(["logits", "probabilities"])),
            labels=tuple(labels),
            no_gesture=tuple(labels[1 : draw(st.integers(1, len(labels)))]),
        )
    )
