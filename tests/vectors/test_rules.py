"""tsm_live follows the rules that the test vectors hold every runtime to."""

import dataclasses
import fractions
import types

import av
import numpy as np
import pytest

from testing.vectors import (
    FOLDER,
    assert_boxes,
    assert_events,
    cases,
    vectors,
)
from tsm_cli.vectors.arrays import decode_array
from tsm_cli.vectors.box_cases import found_boxes
from tsm_live import ArtifactError, open_session
from tsm_live.artifact.preprocessing import (
    boxes_in_frame,
    check_frame,
    fit_frame,
    fit_geometry,
)
from tsm_live.artifact.quantization import as_logits, dequantize, quantize
from tsm_live.artifact.tensors import HEAD_ROLES, TensorSpec
from tsm_live.decision.gestures import DecisionConfig, GestureDecision
from tsm_live.decision.object_decision import ObjectDecision
from tsm_live.decision.pacing import FramePacer
from tsm_live.detection.boxes import Boxes, decode_boxes
from tsm_live.detection.tracks import TrackConfig
from tsm_live.video.picture import PictureConverter

# The same from either Keras.
pytestmark = pytest.mark.keras3_only


def every(*kinds):
    """Runs a test for all cases of some kinds."""
    found = cases(*kinds)
    assert found
    return pytest.mark.parametrize("case", found.values(), ids=found.keys())


@every("fit")
def test_fit(case):
    height, width = case["size"]
    frame = np.broadcast_to(np.uint8(0), (height, width, 3))
    if not case["accepted"]:
        with pytest.raises(ValueError, match="times as long"):
            check_frame(frame)
        return
    check_frame(frame)
    sizes = case["resize_size"], case["crop_size"]
    resized, corner = fit_geometry(height, width, *sizes)
    assert (resized, corner) == (tuple(case["resized"]), tuple(case["corner"]))
    if "image" in case:
        found = fit_frame(decode_array(case["image"]), *sizes).astype(int)
        error = np.abs(found - decode_array(case["square"])).max()
        is_copied = min(case["size"]) == case["resize_size"]
        assert error <= (0 if is_copied else vectors()["tolerances"]["pixels"])


@every("yuv")
def test_yuv_is_what_ffmpeg_makes_of_it(case):
    """tsm_live takes no YUV from cameras; FFmpeg rounds a little more."""
    height, width = case["size"]
    frame = av.VideoFrame(width, height, "yuv420p")
    frame.color_range, frame.colorspace = 2, 5  # Full, BT.601.
    frame.time_base = fractions.Fraction(1, 30)
    for name, plane in zip("yuv", frame.planes, strict=True):
        values = _plane(case["planes"][name], (plane.height, plane.width))
        memory = np.zeros((plane.height, plane.line_size), np.uint8)
        memory[:, : plane.width] = values
        plane.update(memory.tobytes())
    stream = types.SimpleNamespace(sample_aspect_ratio=None)
    found = PictureConverter(stream).convert(frame).astype(int)
    turned = np.rot90(found, -case["rotation"] // 90)
    expected = decode_array(case["rgb"])
    assert turned.shape == expected.shape
    # FFmpeg interpolates colours if a side is odd, which no camera gives.
    if height % 2 == width % 2 == 0:
        assert np.abs(turned - expected).max() <= 2


def _plane(fields, shape):
    """Reads a plane byte by byte, as a runtime on Android does."""
    data = decode_array(fields["data"])
    assert len(data) == _offset(fields, shape[0] - 1, shape[1] - 1) + 1
    return [
        [data[_offset(fields, row, column)] for column in range(shape[1])]
        for row in range(shape[0])
    ]


def _offset(fields, row, column):
    return row * fields["row_stride"] + column * fields["pixel_stride"]


@every("quantize")
def test_quantize(case):
    tensor = TensorSpec.from_dict(case["tensor"])
    found = quantize(decode_array(case["values"]), tensor)
    _assert_equal(found, decode_array(case["numbers"]))


@every("dequantize")
def test_dequantize(case):
    tensor = TensorSpec.from_dict(case["tensor"])
    numbers = decode_array(case["numbers"])
    _assert_equal(dequantize(numbers, tensor), decode_array(case["values"]))
    assert ("logits" in case) == (tensor.role in HEAD_ROLES)
    if "logits" in case:
        found, expected = (
            as_logits(numbers, tensor),
            decode_array(case["logits"]),
        )
        error = np.abs(found - expected).max() / max(1, np.abs(expected).max())
        assert error <= vectors()["tolerances"]["logits"]


def _assert_equal(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@every("pacing")
def test_pacing(case):
    pacer = FramePacer(case["interval"])
    found = [pacer.step(time).value for time in case["times"]]
    assert found == case["choices"]


@every("decision")
def test_decision(case):
    head = TensorSpec.from_dict(case["head"])
    config = {"no_gesture": head.no_gesture, **case["decision"]}
    decision = GestureDecision(head.labels, DecisionConfig(**config))
    logits = as_logits(decode_array(case["outputs"]), head)
    events, scores = [], []
    for frame, time in enumerate(case["times"]):
        found = decision.end() if frame in case["resets"] else []
        found += decision.update(time, logits[frame])
        events += [(frame, event) for event in found]
        scores.append(decision.scores)
    events += [(len(case["times"]), event) for event in decision.end()]
    tolerance = vectors()["tolerances"]["scores"]
    assert_events(events, case["events"], tolerance)
    expected = decode_array(case["scores"])
    assert np.abs(np.stack(scores) - expected).max() <= tolerance


@every("decode")
def test_decode(case):
    tensors = {
        role: TensorSpec.from_dict(fields)
        for role, fields in case["tensors"].items()
    }
    values = {
        role: dequantize(decode_array(case["outputs"][role]), tensor)
        for role, tensor in tensors.items()
    }
    rule = {key: case[key] for key in ("stride", "threshold", "top")}
    found = decode_boxes(**values, **rule)
    edges = found.boxes
    if "size" in case:
        sizes = case["resize_size"], case["crop_size"]
        edges = boxes_in_frame(edges, *case["size"], *sizes)
    labels = tensors["heatmap"].labels
    rows = zip(edges, found.classes, found.scores, strict=True)
    boxes = [
        {"label": labels[label], "score": score, "box": box}
        for box, label, score in rows
    ]
    tolerances = vectors()["tolerances"]
    limits = tolerances["scores"], tolerances["boxes"]
    assert_boxes([boxes], [case["boxes"]], *limits)


@every("tracks")
def test_tracks(case):
    labels = case["labels"]
    spec = types.SimpleNamespace(labels=labels)
    decision = ObjectDecision(spec, TrackConfig(**case["rules"]))
    events, shown = [], []
    frames = enumerate(zip(case["times"], case["boxes"], strict=True))
    for index, (time, boxes) in frames:
        if index in case["resets"]:
            events += [(index, event) for event in decision.end()]
        found = Boxes(
            np.float32([box["box"] for box in boxes]).reshape(-1, 4),
            np.array([labels.index(box["label"]) for box in boxes], int),
            np.float32([box["score"] for box in boxes]),
        )
        answer = decision.update(time, types.SimpleNamespace(boxes=found))
        events += [(index, event) for event in answer]
        shown.append([*found_boxes(found, labels, decision)])
    events += [(len(case["times"]), event) for event in decision.end()]
    assert_events(events, case["events"], 0)
    assert_boxes(shown, case["boxes"], 0, 0)


@every("accept", "refuse")
def test_changed_files(case, tmp_path):
    content = (FOLDER / case["artifact"]).read_bytes()
    start, end = case["start"], case["start"] + case["remove"]
    assert end <= len(content)
    path = tmp_path / "changed.tflite"
    insert = decode_array(case["insert"]).tobytes()
    path.write_bytes(content[:start] + insert + content[end:])
    if case["kind"] == "accept":
        session = open_session(path)
        original = open_session(FOLDER / case["artifact"])
        assert _in_order(session.spec) == _in_order(original.spec)
        return
    with pytest.raises(ArtifactError):
        open_session(path)


def _in_order(spec):
    outputs = tuple(sorted(spec.outputs, key=lambda tensor: tensor.name))
    return dataclasses.replace(spec, outputs=outputs)
