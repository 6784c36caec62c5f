"""The outputs of a network: their names in Keras and in an artifact.

The only head of a network is `logits` in both, or `probabilities` in an
artifact with a softmax. One of several, such as `logits_verb` in Keras, is
called `verb` in an artifact. Those of a detector have the same name in both,
which is also their role.
"""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tsm_keras.models.config import VideoClassifierConfig, VideoDetectorConfig
from tsm_live.artifact.tensors import (
    DETECTION_ROLES,
    HEATMAP,
    LOGITS,
    PROBABILITIES,
    TensorSpec,
)
from tsm_live.decision.artifact_defaults import own_classes
from tsm_live.sessions.detection_prediction import DetectionPrediction
from tsm_live.sessions.prediction import Prediction


def artifact_outputs(outputs: Mapping[str, Any], softmax: bool) -> dict:
    """Names the outputs of a Keras network as its artifact does.

    Args:
        outputs: The outputs of the network, by name.
        softmax: Give probabilities instead of logits.
    """
    named = {}
    for name, values in outputs.items():
        role, _, head = name.partition("_")
        if role == LOGITS:
            if softmax:
                role, values = PROBABILITIES, tf.nn.softmax(values)
            name = head or role
        named[name] = values
    return named


def result_specs(
    tensors: Mapping[str, TensorSpec],
    config: VideoClassifierConfig | VideoDetectorConfig,
    *,
    softmax: bool = False,
    no_gesture: Collection[str] = (),
) -> list[TensorSpec]:
    """Returns the heads of an artifact in order, or a detector's outputs.

    Args:
        tensors: The outputs of the artifact by name, without roles.
        config: The config of the network.
        softmax: Whether the artifact gives probabilities.
        no_gesture: The labels of any head which mean that there is no gesture.

    Raises:
        ArtifactError: If labels are missing or not valid.
    """
    if isinstance(config, VideoDetectorConfig):
        labels = {HEATMAP: config.detection.labels}
        return [
            dataclasses.replace(
                tensors[role], role=role, labels=labels.get(role, ())
            )
            for role in DETECTION_ROLES
        ]
    role = PROBABILITIES if softmax else LOGITS
    every_label = {label for head in config.heads for label in head.labels}
    return [
        dataclasses.replace(
            tensors[head.name or role],
            role=role,
            labels=head.labels,
            no_gesture=own_classes(no_gesture, head.labels, every_label),
        )
        for head in config.heads
    ]


def keras_outputs(
    config: VideoClassifierConfig | VideoDetectorConfig,
) -> tuple[str, ...]:
    """Returns the names in Keras of the outputs of `result_specs`, in order."""
    if isinstance(config, VideoDetectorConfig):
        return DETECTION_ROLES
    return tuple(head.output for head in config.heads)


def values_of(
    prediction: Prediction | DetectionPrediction,
) -> dict[str, np.ndarray]:
    """Returns the logits of each head, or the outputs of a detector, by name.

    A detector's outputs have their roles as names.
    """
    if isinstance(prediction, DetectionPrediction):
        return dict(prediction.outputs)
    return {name: head.logits for name, head in prediction.heads.items()}


def expect_labels(config: VideoClassifierConfig | VideoDetectorConfig) -> None:
    """Checks that an artifact can carry the heads of a network.

    Raises:
        ValueError: If a head has no labels, or the name of an input or a cache.
    """
    if isinstance(config, VideoDetectorConfig):
        return  # It has labels, and its outputs have fixed names.
    for head in config.heads:
        if not head.labels:
            place = f" for the head {head.name!r}" if head.name else ""
            raise ValueError(
                "An artifact carries its labels: give the config `labels`. "
                f"Received: labels=(){place}"
            )
        is_input = head.name in ("frame", "clip", "valid")
        if is_input or head.name.startswith("cache_"):
            raise ValueError(
                "The head of an artifact must not be called `frame`, `clip`, "
                "`valid` or `cache_...`, like its inputs. "
                f"Received: {head.name!r}"
            )
