"""The temporal shift as the paper defines it, in NumPy loops.

It is written from the definition alone and shares no code with the layer. In a
bidirectional shift, channels [0, fold) come from frame t + 1 and channels
[fold, 2 fold) from frame t - 1. In a causal shift, channels [0, fold) come from
frame t - 1. Frames outside the clip are zero.
"""

import numpy as np


def source_frame(frame, channel, fold, direction):
    """Returns the number of the frame that a channel of a frame comes from."""
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
    """Shifts with past and future swapped, which is the classic mistake."""
    return shift(clips[:, ::-1], shift_div, direction)[:, ::-1]


def fold_clips(clips):
    """Reshapes `[B, T, ...]` to `[B * T, ...]`, as the layers take it."""
    return np.reshape(clips, (-1, *clips.shape[2:]))
