"""backup_callback: stores, after each epoch, all that resuming needs."""

import os
import pathlib
import shutil

import tensorflow as tf
from tensorflow import keras

from tsm_keras.atomic_file import atomic_folder
from tsm_keras.keras_version import KERAS_3

_KEPT = 2
_EPOCH = "epoch_"


def backup_callback(folder: pathlib.Path) -> keras.callbacks.Callback:
    """Returns a callback that restores the last backup and writes new ones.

    Even if the process is killed, the last backup is that of a whole epoch.

    Args:
        folder: The folder of the backups.
    """
    if KERAS_3:
        return _WholeBackups(folder)
    # tf_keras writes the name of its one checkpoint last, when it is complete.
    return keras.callbacks.BackupAndRestore(
        os.fspath(folder), save_freq="epoch", delete_checkpoint=False
    )


def epochs_done(folder: pathlib.Path) -> int:
    """Returns the number of epochs before the last backup, 0 without a backup.

    Raises:
        ValueError: If the other version of Keras wrote the backup.
    """
    chief = folder / "chief"  # The name that tf_keras gives it.
    other = chief if KERAS_3 else next(iter(_backups(folder)), None)
    if other and other.exists():
        raise ValueError(
            f"The backup {folder} was written by "
            f"{'tf_keras' if KERAS_3 else 'Keras 3'}. Continue with the same "
            "version (TF_USE_LEGACY_KERAS=1 chooses tf_keras)."
        )
    if KERAS_3:
        backups = _backups(folder)
        return _number(backups[-1]) if backups else 0
    latest = tf.train.latest_checkpoint(os.fspath(chief))
    if latest is None:
        return 0
    name = "ckpt_saved_epoch/.ATTRIBUTES/VARIABLE_VALUE"
    return int(tf.train.load_checkpoint(latest).get_tensor(name)) + 1


class _WholeBackups(keras.callbacks.Callback):
    """`BackupAndRestore` of Keras 3, with each backup complete or absent.

    Keras itself writes the weights and then the number of the epoch. If the
    process were killed in between, the epoch would be trained twice.
    """

    def __init__(self, folder):
        super().__init__()
        self._folder = folder

    def on_train_begin(self, logs=None):
        if backups := _backups(self._folder):
            self._keras_callback(backups[-1]).on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        for part in self._folder.glob(".*.part"):  # Left by a killed process.
            shutil.rmtree(part)
        with atomic_folder(self._folder / f"{_EPOCH}{epoch + 1:05d}") as folder:
            self._keras_callback(folder).on_epoch_end(epoch, logs)
        for old in _backups(self._folder)[:-_KEPT]:
            shutil.rmtree(old)

    def _keras_callback(self, folder):
        callback = keras.callbacks.BackupAndRestore(os.fspath(folder))
        callback.set_model(self.model)
        return callback


def _backups(folder):
    return sorted(folder.glob(f"{_EPOCH}*"), key=_number)


def _number(path):
    return int(path.name.removeprefix(_EPOCH))
