"""Feeds clips to streaming models frame by frame."""

import numpy as np
import tensorflow as tf

from tsm_keras.models.streaming import cache_shapes


def stream(model, clips):
    """Feeds clips frame by frame; returns `[B, T, num_classes]`."""
    run = tf.function(model, jit_compile=False)
    dtype = model.inputs[0].dtype
    caches = {
        name: tf.zeros((len(clips), *shape), dtype)
        for name, shape in cache_shapes(model).items()
    }
    logits = []
    for frame in range(clips.shape[1]):
        outputs = run({"frame": tf.constant(clips[:, frame], dtype), **caches})
        caches = {name: outputs[f"{name}_out"] for name in caches}
        logits.append(outputs["logits"].numpy())
    return np.stack(logits, axis=1)
