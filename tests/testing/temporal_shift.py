"""The temporal shift as the paper defines it, in NumPy loops.

Written from the definition alone, without a look at the layer: bidirectional,
channels [0, fold) take frame t + 1 and [fold, 2 fold) take frame t - 1; causal,
channels [0, fold) take frame t - 1; what lies beyond either end is zero.
"""

import numpy as np


def source_frame(frame, channel, fold, direction):
    """Returns from which frame this channel of this frame is taken."""
    if direction == "bidirectional":
        if channel < fold:
            return frame + 1
        if channel < 2 * fold:
            return frame - 1
        return frame
    assert direction == "causal", direction
    return frame - 1 if channel < fold else frame


def shift(clips, shift_div, direction):
    """Shifts `[B, T, ..., C]` clips."""
    clips = np.asarray(clips)
    _, frames, *_, channels = clips.shape
    shifted = np.zeros_like(clips)
    for frame in range(frames):
        for channel in range(channels):
            source = source_frame(
                frame, channel, channels // shift_div, direction
            )
            if 0 <= source < frames:
                shifted[:, frame, ..., channel] = clips[:, source, ..., channel]
    return shifted


def shift_gradient(upstream, shift_div, direction):
    """Sends every element's gradient back to the element it was taken from."""
    upstream = np.asarray(upstream)
    _, frames, *_, channels = upstream.shape
    gradient = np.zeros_like(upstream)
    for frame in range(frames):
        for channel in range(channels):
            source = source_frame(
                frame, channel, channels // shift_div, direction
            )
            if 0 <= source < frames:
                gradient[:, source, ..., channel] += upstream[
                    :, frame, ..., channel
                ]
    return gradient


def swapped_shift(clips, shift_div, direction):
    """The classic mistake: the same shift with past and future swapped."""
    return shift(clips[:, ::-1], shift_div, direction)[:, ::-1]


def fold_clips(clips):
    """`[B, T, ...]` to `[B * T, ...]`, as the layers take it."""
    return np.reshape(clips, (-1, *clips.shape[2:]))
