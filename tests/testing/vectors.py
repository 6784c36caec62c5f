"""Replays the cases of `apps/vectors/vectors.json` in tsm_live.

    python -m testing.vectors ACCELERATOR

replays the networks on an accelerator and prints their largest errors.
"""

import dataclasses
import functools
import itertools
import json
import sys
import types

import numpy as np

from testing.checkout import ROOT
from tsm_cli.vectors.arrays import decode_array
from tsm_cli.vectors.box_cases import found_boxes
from tsm_live import Session
from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.quantization import as_logits, dequantize
from tsm_live.artifact.tensors import HEAD_ROLES
from tsm_live.decision.pacing import Step
from tsm_live.detection.tracks import TrackConfig
from tsm_live.live.run_live import LiveConfig
from tsm_live.live.stream import Stream
from tsm_live.runtimes.open_network import open_here
from tsm_live.sources.source import TimedFrame

FOLDER = ROOT / "apps/vectors"
ON_NETWORKS = ("steps", "session")


@functools.cache
def vectors():
    """Returns the content of the file."""
    return json.loads((FOLDER / "vectors.json").read_text("utf-8"))


def cases(*kinds):
    """Returns the cases of some kinds, by name."""
    found = vectors()["cases"]
    return {case["name"]: case for case in found if case["kind"] in kinds}


def open_case(case, folder=FOLDER, **options):
    """Returns the artifact's session and the network below it."""
    spec, model = load_artifact(folder / case["artifact"])
    network = open_here(spec, model, **options)
    return Session(spec, lambda: network), network


def replay_steps(case, session, network, *, fed):
    """Replays a case of the kind `steps`.

    Args:
        case: The case.
        session: The session of its artifact.
        network: The network of the session.
        fed: Whether to feed the expected caches before each step.

    Returns:
        The largest errors, in the units of the tolerances, by type.
    """
    spec = session.spec
    session.reset()
    expected_caches = network.read_state()
    pairs, rest = [], {}
    for step in case["steps"]:
        if fed and not rest:
            network.write_state(expected_caches)
        for stream in step["reset"]:
            session.reset(stream)
        expected_caches = [
            decode_array(step["caches"][cache.name]) for cache in spec.caches
        ]
        if finishing := step.get("finish"):
            # All answers come at once, and then the caches are zero.
            rest = rest or dict(
                zip(finishing, session.finish_streams(finishing), strict=True)
            )
            predictions = [
                None if answer is None else rest[stream].pop(0)
                for stream, answer in enumerate(step["answers"])
            ]
        else:
            assert not any(rest.values())  # There were not too many.
            rest = {}
            frames = decode_array(step["frames"])
            predictions = session.step_squares(
                [
                    frames[i] if i in step["streams"] else None
                    for i in range(spec.streams)
                ]
            )
            found = network.read_state()
            pairs += zip(spec.caches, found, expected_caches, strict=True)
        answered = [i for i, found in enumerate(predictions) if found]
        if "answers" in step:
            frames_of_answers = [found and found.frame for found in predictions]
            assert frames_of_answers == step["answers"]
        else:
            assert answered == step["streams"]
        results = spec.results if step["streams"] or finishing else ()
        assert set(step["outputs"]) == {result.name for result in results}
        for result in results if answered else ():
            expected = _real(result, step["outputs"])
            rows = [_found(result, predictions[i]) for i in answered]
            pairs.append((result, np.stack(rows), expected[answered]))
    return _errors(pairs)


def replay_session(case, session, network):
    """Replays a case of the kind `session`; returns the errors of its outputs.

    Choices, events and boxes must be equal, except for scores and edges.
    """
    spec = session.spec
    rules = TrackConfig(**case["rules"]) if "rules" in case else None
    session.reset()
    pacer, decision = LiveConfig(decision=rules).stages(spec)
    stream = Stream(
        types.SimpleNamespace(source=types.SimpleNamespace(is_live=False)),
        session.accelerator,
        pacer,
        decision,
        None,
    )
    images = list(map(decode_array, case["images"]))
    choices, predictions, events, boxes = [], [], [], []
    index = 0

    def tell(found):
        events.extend((index, event) for event in found)

    def answer(prediction):
        predictions.append(prediction)
        tell(stream.answer(prediction))
        if rules:
            found = prediction.decode(threshold=rules.threshold)
            boxes.append([*found_boxes(found, spec.labels, decision)])
        while stream.pass_by():
            pass

    def finish():
        for prediction in session.finish():
            answer(prediction)

    for index, time in enumerate(case["times"]):
        frame = TimedFrame(images[case["image_of_frame"][index]], time)
        choice = stream.step(frame)
        choices.append(choice.value)
        if choice is Step.RESTART:
            finish()
            tell(stream.restart())
        stream.advance(frame, choice is not Step.SKIP)
        while stream.pass_by():
            pass
        if choice is not Step.SKIP:
            prediction = session.step(frame.image)
            if prediction is not None:
                answer(prediction)
    index += 1
    finish()
    tell(stream.end())
    assert choices == case["choices"]
    backend = backend_of(network)
    scores = backend["event_scores"]
    pixels = backend["box_cells"] * spec.detection.stride if rules else 0
    assert_events(events, case["events"], scores, pixels)
    assert_boxes(boxes, case.get("boxes", []), scores, pixels)
    assert set(case["outputs"]) == {head.name for head in spec.heads}
    pairs = []
    for result in spec.heads:
        rows = [_found(result, prediction) for prediction in predictions]
        pairs.append((result, np.stack(rows), _real(result, case["outputs"])))
    return _errors(pairs)


def _real(result, outputs):
    """Returns the logits of a head, or the real values of another output."""
    values = decode_array(outputs[result.name])
    decode = as_logits if result.role in HEAD_ROLES else dequantize
    return decode(values, result)


def _found(result, prediction):
    """Returns what a prediction has of an output, in the output's layout."""
    if result.role in HEAD_ROLES:
        return prediction.heads[result.name].logits
    found = prediction.outputs[result.role]
    is_nchw = prediction.spec.layout == "NCHW"
    return found.transpose(2, 0, 1) if is_nchw else found


def assert_events(found, expected, scores, pixels=0.0):
    """Compares pairs of a frame and an event with the events of a case.

    Args:
        found: Pairs of a frame and a `GestureEvent` or an `ObjectEvent`.
        expected: The events of a case.
        scores: The largest difference of a score.
        pixels: The largest difference of an edge of a box.
    """
    events = []
    for frame, event in found:
        fields = dataclasses.asdict(event)
        if not fields.get("head", "head"):  # There is only one head.
            del fields["head"]
        events.append({"frame": frame, **fields})
    assert_boxes([events], [expected], scores, pixels)


def assert_boxes(found, expected, scores, pixels):
    """Compares lists of objects per frame; see `assert_events`."""
    assert [[_exact(one) for one in frame] for frame in found] == [
        [_exact(one) for one in frame] for frame in expected
    ]
    chain = itertools.chain.from_iterable
    for one, wanted in zip(chain(found), chain(expected), strict=True):
        assert abs(one["score"] - wanted["score"]) <= scores
        if "box" in wanted:
            errors = np.subtract(one["box"], wanted["box"])
            assert np.abs(errors).max() <= pixels


def _exact(fields):
    return {k: v for k, v in fields.items() if k not in ("score", "box")}


def backend_of(network):
    """Returns the tolerances of the backend that a network runs on."""
    return vectors()["tolerances"][network.accelerator]


def _errors(pairs):
    """Returns the largest errors of (tensor, found, expected), by type.

    A NaN is an infinite error. Those of floats are relative to the largest
    value of the tensor in all pairs. Logits of integers are real values here.
    """
    largest = {}
    for tensor, _, expected in pairs:
        size = float(np.abs(expected.astype(np.float64)).max())
        largest[tensor.name] = max(size, largest.get(tensor.name, 0.0))
    errors = {"float": 0.0, "integer": 0.0}
    for tensor, found, expected in pairs:
        assert found.shape == expected.shape and found.dtype == expected.dtype
        error = np.abs(found.astype(np.float64) - expected)
        error = float(np.where(np.isnan(error), np.inf, error).max())
        kind = "float" if tensor.dtype.startswith("float") else "integer"
        if kind == "float":
            error /= largest[tensor.name]
        elif found.dtype == np.float32:
            error /= tensor.scale
        errors[kind] = max(errors[kind], error)
    return errors


def all_errors(**options):
    """Replays all networks; returns the errors by case and way of feeding."""
    found = {}
    for name, case in cases(*ON_NETWORKS).items():
        session, network = open_case(case, **options)
        if case["kind"] == "session":
            found[name] = {"free": replay_session(case, session, network)}
            continue
        found[name] = {
            "fed": replay_steps(case, session, network, fed=True),
            "free": replay_steps(case, session, network, fed=False),
        }
    return found


def assert_within_tolerance(errors, backend):
    """Compares the result of `all_errors` with the tolerances of a backend."""
    tolerances = vectors()["tolerances"][backend]
    for name, by_way in errors.items():
        for way, by_kind in by_way.items():
            for kind, error in by_kind.items():
                limit = tolerances[way][kind] * (1 + 1e-5)  # Of a float scale.
                assert error <= limit, f"{name}, {way}, {kind}: {error}"


if __name__ == "__main__":
    errors = all_errors(accelerator=sys.argv[1], enforce_float32=True)
    print(f"\n{json.dumps(errors)}", flush=True)
