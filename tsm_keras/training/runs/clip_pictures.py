"""ClipPictures: writes the graph and predicted clips for TensorBoard."""

import os
from collections.abc import Sequence

import cv2
import numpy as np
import tensorflow as tf
from tensorflow import keras


class ClipPictures(keras.callbacks.Callback):
    """Writes the graph once, and a few clips with predictions in each epoch.

    Args:
        folder: The folder of the TensorBoard logs.
        clips: `[N, T, H, W, 3]` uint8 RGB.
        labels: `[N]` class numbers, or `[N, n]` for n heads.
        label_names: The class names of each head, in the order of the logits.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        clips: np.ndarray,
        labels: np.ndarray,
        label_names: Sequence[Sequence[str]],
    ):
        super().__init__()
        self._writer = tf.summary.create_file_writer(
            os.path.join(folder, "clips")
        )
        self._clips, self._labels, self._names = clips, labels, label_names

    def on_train_begin(self, logs=None):
        # The callback of Keras 3 calls a function that Keras 3 has removed.
        call = tf.function(lambda clips: self.model(clips, training=False))
        graph = call.get_concrete_function(self._clips).graph
        with self._writer.as_default(step=0):
            tf.summary.graph(graph)

    def on_epoch_end(self, epoch, logs=None):
        logits = self.model(self._clips, training=False)
        titles = [
            "   ".join(map(_title, self._names, scores, np.ravel(label)))
            for scores, label in zip(
                zip(*self._scores(logits), strict=True),
                self._labels,
                strict=True,
            )
        ]
        pictures = [*map(_picture, self._clips, titles)]
        with self._writer.as_default(step=epoch):
            tf.summary.image(
                "clips", np.stack(pictures), max_outputs=len(pictures)
            )
        self._writer.flush()

    def _scores(self, logits):
        """Returns the probabilities of the classes of each head, `[N, K]`."""
        sizes = [len(names) for names in self._names]
        return [
            tf.nn.softmax(part).numpy()
            for part in tf.split(tf.cast(logits, tf.float32), sizes, axis=-1)
        ]


def _title(names, score, label):
    best = int(score.argmax())
    truth = "" if best == label else f"   (is: {names[label]})"
    return f"{names[best]} {score[best]:.0%}{truth}"


def _picture(clip, title):
    """Returns the frames side by side under a title, `[H + 20, T * W, 3]`."""
    strip = np.concatenate(list(clip), axis=1)
    picture = np.zeros((len(strip) + 20, strip.shape[1], 3), np.uint8)
    picture[20:] = strip
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, title, (2, 14), font, 0.4, (255, 255, 255), 1)
    return picture
