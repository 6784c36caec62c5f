"""saliency: where and when a network saw what it says (Grad-CAM per frame)."""

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
    model: keras.Model, clip: np.ndarray, label: int | None = None
) -> np.ndarray:
    """Computes Grad-CAM of a clip at the last features, for every frame.

    Selvaraju et al., ICCV 2017, section 3, with the clip's logit, the mean
    over frames, as the score: the channels of the backbone's output are
    weighted by the score's mean gradient over all frames and places, summed,
    and cut off at zero. One scale for the whole clip keeps frames comparable.

    Args:
        model: From `build_clip_model` or `load_preset`.
        clip: `[T, S, S, C]` uint8.
        label: Number of the class to explain; None for the predicted one.

    Returns:
        `[T, h, w]` float32 in [0, 1], h and w being S / 32, the highest of the
        clip 1 (or all 0 if nothing speaks for the class).
    """
    features = model.get_layer("pool").input
    logits = model.get_layer("logits").output
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
    """Draws the frames of a clip, what speaks for a class, and when.

    Args:
        clip: `[T, S, S, 3]` uint8 RGB.
        evidence: `[T, h, w]` in [0, 1], from `saliency`.
        frame_logits: `[T, K]` of the same clip.
        label_name: Name of the class.
        label: Its number.

    Returns:
        A PNG file: frames, the same under a heat map, and a bar a frame with
        the probability that the frame's own logits give to the class.
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
    """Returns the number of a clip from its number or its file.

    Args:
        wanted: A number, a path, or the end of one, in whole names of folders
            and files: `swipe_left/000.mp4`.
        names: The path of each clip.

    Raises:
        ValueError: If that is no clip, or several.
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
        "of their files' paths that one clip has, as CLASS/FILE. "
        f"Received: {wanted!r}, {what}"
    )
