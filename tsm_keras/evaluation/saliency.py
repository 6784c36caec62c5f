"""saliency: the image regions that a prediction rests on (Grad-CAM)."""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.evaluation.plots import (
    FAINT,
    INK,
    new_figure,
    plain_text,
    to_png,
)
from tsm_keras.evaluation.predictions import softmax

_BLUE = "#0072b2"


def saliency(
    model: keras.Model,
    clip: np.ndarray,
    label: int | None = None,
    *,
    output: str = "logits",
) -> np.ndarray:
    """Computes Grad-CAM for every frame, at the output of the backbone.

    This is Selvaraju et al., ICCV 2017, section 3. The score is the clip's
    logit, the mean over frames. The channels of the backbone's output are
    weighted by the gradient of the score, averaged over all frames and
    positions, then summed and clipped below at zero. All frames of the clip
    share one scale, so they can be compared.

    Args:
        model: A clip model from `build_clip_model` or `load_preset`.
        clip: `[T, S, S, C]` uint8.
        label: Number of the class to explain; None for the predicted one.
        output: The name of the output that has the logits of the head, if the
            model has several.

    Returns:
        `[T, h, w]` float32 in [0, 1], where h and w are S / 32. The highest
        value of the clip is 1, or all are 0 if no region raises the score.
    """
    features = model.get_layer("pool").input
    logits = model.get_layer(output).output
    network = keras.Model(model.inputs[0], [features, logits])
    with tf.GradientTape() as tape:
        maps, scores = network(tf.cast(clip[None], tf.float32), training=False)
        if label is None:
            label = int(tf.argmax(scores[0]))
        score = scores[0, label]
    gradient = tape.gradient(score, maps)
    weights = tf.reduce_mean(gradient, axis=(0, 1, 2))
    evidence = tf.nn.relu(tf.reduce_sum(maps * weights, axis=-1)).numpy()
    return evidence / max(evidence.max(), np.finfo(np.float32).tiny)


def saliency_sheet(
    clip: np.ndarray,
    evidence: np.ndarray,
    frame_logits: np.ndarray,
    label_name: str,
    label: int,
) -> bytes:
    """Draws the frames of a clip with their saliency for one class.

    Args:
        clip: `[T, S, S, 3]` uint8 RGB.
        evidence: `[T, h, w]` in [0, 1], from `saliency`.
        frame_logits: `[T, K]`, the logits of each frame of the clip.
        label_name: Name of the class.
        label: Number of the class.

    Returns:
        The bytes of a PNG file with three rows: the frames, the frames under a
        heat map of `evidence`, and one bar per frame with the probability that
        the frame's own logits give to the class.
    """
    num_frames, size = clip.shape[:2]
    figure = new_figure(1.5 * num_frames + 1, 4.6, "constrained")
    grid = figure.add_gridspec(3, num_frames, height_ratios=(1, 1, 0.7))
    for index, frame in enumerate(clip):
        heat = cv2.resize(evidence[index], (size, size))
        for row in range(2):
            axes = figure.add_subplot(grid[row, index])
            axes.imshow(frame)
            if row == 1:
                axes.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=0.6)
            axes.set_axis_off()
    axes = figure.add_subplot(grid[2, :])
    axes.bar(
        np.arange(num_frames), softmax(frame_logits)[:, label], color=_BLUE
    )
    axes.set(xlim=(-0.5, num_frames - 0.5), ylim=(0, 1))
    axes.set_xlabel("frame", color=FAINT)
    axes.set_ylabel(plain_text(label_name), color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    return to_png(figure)


def find_clip(wanted: str, names: Sequence[str]) -> int:
    """Returns the number of the clip that a user asks for.

    Args:
        wanted: The number of a clip, its path, or the end of its path in whole
            names of folders and files, such as `swipe_left/000.mp4`.
        names: The path of each clip.

    Raises:
        ValueError: If no clip or more than one clip matches.
    """
    if wanted.isdecimal() and int(wanted) < len(names):
        return int(wanted)
    tail = pathlib.PurePath(wanted).parts
    found = [
        number
        for number, name in enumerate(names)
        if tail and pathlib.PurePath(name).parts[-len(tail) :] == tail
    ]
    # A whole path may be the end of another one.
    found = [x for x in found if names[x] == wanted] or found
    if len(found) == 1:
        return found[0]
    what = "no clip"
    if found:
        some = ", ".join(names[number] for number in found[:2])
        what = f"the end of {len(found)} paths ({some} ...)"
    raise ValueError(
        f"`saliency` must be numbers of clips, 0 to {len(names) - 1}, or ends "
        "of paths that match exactly one clip, such as CLASS/FILE. "
        f"Received: {wanted!r}, {what}"
    )
