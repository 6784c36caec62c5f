"""Feeds clips to streaming models frame by frame."""

import numpy as np
import tensorflow as tf

from tsm_keras.models.streaming import cache_shapes


def stream(model, clips):
    """Feeds clips frame by frame; returns the logits `[B, T, num_classes]`."""
    return stream_outputs(model, clips)["logits"]


def stream_outputs(model, clips):
    """Feeds clips frame by frame; returns all outputs, `[B, T, ...]`, by name.

    A model that looks ahead gets as many steps more as it is late.
    """
    run = tf.function(model, jit_compile=False)
    dtype, length = model.inputs[0].dtype, clips.shape[1]
    caches = {
        name: tf.zeros((len(clips), *shape), dtype)
        for name, shape in cache_shapes(model).items()
    }
    time, steps = model.stream_time, []
    for step in range(length + time.late):
        # What is shown after the end must not matter.
        frame = clips[:, step] if step < length else 255 - clips[:, -1]
        inputs = {"frame": tf.constant(frame, dtype), **caches}
        if time.entries:
            exists = [0 <= step - late < length for late in time.entries]
            valid = np.tile(exists, (len(clips), 1, 1, 1))
            inputs["valid"] = tf.constant(valid, dtype)
        outputs = run(inputs)
        caches = {name: outputs.pop(f"{name}_out") for name in caches}
        steps.append({name: value.numpy() for name, value in outputs.items()})
    return {
        name: np.stack([step[name] for step in steps[time.late :]], axis=1)
        for name in steps[0]
    }
