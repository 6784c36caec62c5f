"""Imports the weights of the golden cases, each only once."""

import functools

import numpy as np
import tensorflow as tf

from testing.checkpoint_cases import BY_NAME
from tsm_keras.checkpoints.importing import import_state_dict
from tsm_keras.models.clip import with_frame_logits
from tsm_keras.models.streaming import cache_shapes, to_streaming


def import_case(name):
    """Imports the weights of a case; returns the model and the report."""
    case = BY_NAME[name]
    return import_state_dict(
        case.state_dict,
        name=case.file_name,
        image_size=case.size,
        **case.asked,
    )


@functools.cache
def imported_frame_logits(name):
    """Returns `[T, CLASSES]` logits of a case's clip. Shared: do not change."""
    model, _ = import_case(name)
    clip = BY_NAME[name].clip[None]
    outputs = with_frame_logits(model)(clip, training=False)
    frame_logits = outputs["frame_logits"].numpy()[0]
    np.testing.assert_allclose(
        outputs["logits"][0], frame_logits.mean(axis=0), rtol=1e-3, atol=1e-3
    )
    return frame_logits


@functools.cache
def imported_stream(name):
    """Streams the case's clip.

    Returns:
        The logits and all caches after each frame. Shared: do not change.
    """
    model, _ = import_case(name)
    streaming = to_streaming(model)
    run = tf.function(streaming, jit_compile=False)
    caches = {
        cache: tf.zeros((1, *shape))
        for cache, shape in cache_shapes(streaming).items()
    }
    steps = []
    for frame in BY_NAME[name].clip:
        outputs = run({"frame": tf.constant(frame[None]), **caches})
        caches = {cache: outputs[f"{cache}_out"] for cache in caches}
        steps.append(
            (
                outputs["logits"].numpy()[0],
                [cache.numpy() for cache in caches.values()],
            )
        )
    return steps
