"""RunFolder: the folder that training writes and can be resumed from.

run.json       command, recipe, network, data, seed, versions
start/         the preset that training began with
metrics.csv    one row per epoch
tensorboard/   scalars, graph, clips with predictions
presets/last   the preset after the last epoch
presets/best   the preset after the epoch with the best validation top-1
backup/        the state that `--resume` continues from, until training ends
lock           held by the process that trains
lock.pid       the process id of that process
"""

import csv
import json
import os
import pathlib
import platform
import shutil
from collections.abc import Mapping
from typing import Any

import filelock
import numpy as np
import tensorflow as tf

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.presets import PresetError, preset_hash
from tsm_keras.version import __version__

_DESCRIPTION = "run.json"


class RunFolder:
    """The folder of one training.

    Attributes:
        path: The path of the folder.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = local_folder(path)
        self._lock: filelock.BaseFileLock | None = None

    @property
    def start(self) -> pathlib.Path:
        """The preset that training began with."""
        return self.path / "start"

    @property
    def metrics(self) -> pathlib.Path:
        """The table with one row of metrics per epoch."""
        return self.path / "metrics.csv"

    @property
    def tensorboard(self) -> pathlib.Path:
        """The folder of the logs for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def backup(self) -> pathlib.Path:
        """The folder with the state that training resumes from."""
        return self.path / "backup"

    def preset(self, which: str) -> pathlib.Path:
        """Returns the folder of the preset `"last"` or `"best"`."""
        return self.path / "presets" / which

    @property
    def exists(self) -> bool:
        """True if a run was begun in this folder."""
        return (self.path / _DESCRIPTION).is_file()

    def lock(self, name: str = "lock") -> None:
        """Locks the folder until this process ends, however it ends.

        Args:
            name: The name of the lock. Each worker of a distributed training
                has its own.

        Raises:
            OSError: If another process holds the lock.
        """
        if self._lock:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.path / name, blocking=False)
        holder = self.path / f"{name}.pid"
        try:
            # The system releases it when the process ends, even by kill -9.
            lock.acquire()
        except filelock.Timeout:
            found = holder.read_text("utf-8") if holder.is_file() else "unknown"
            raise OSError(
                f"Another process trains in {self.path} (process "
                f"{found.strip()} on {platform.node()}): wait for it, or "
                "choose another folder with --run."
            ) from None
        holder.write_text(f"{os.getpid()}\n", "utf-8")
        self._lock = lock

    def unlock(self) -> None:
        """Releases the lock before this process ends."""
        if self._lock:
            self._lock.release()
            self._lock = None

    def describe(self, **fields: Any) -> None:
        """Writes `run.json` with these fields and the versions of packages.

        Args:
            **fields: The fields, as JSON values.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        description = {
            **fields,
            "versions": {
                "tsm_keras": __version__,
                "keras": KERAS_VERSION,
                "tensorflow": tf.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        }
        self._write(description)

    def read(self) -> dict[str, Any]:
        """Returns the fields of `run.json`.

        Raises:
            FileNotFoundError: If no run was begun in this folder.
            ValueError: If `run.json` is damaged.
        """
        path = self.path / _DESCRIPTION
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.path} is not the folder of a run: {_DESCRIPTION} is "
                "missing. `tsm train` writes one beside the preset (--run)."
            )
        try:
            fields = json.loads(path.read_text("utf-8"))
            if not isinstance(fields["flags"], list):
                raise ValueError("`flags` must be a list")
            return fields
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error!r}") from error

    def note(self, **fields: Any) -> None:
        """Changes fields of `run.json`.

        Args:
            **fields: The new values, as JSON values.
        """
        self._write({**self.read(), **fields})

    def may_replace(self, target: str | os.PathLike) -> bool:
        """Returns whether this run may replace the preset at `target`.

        It may if it was begun with --overwrite, or if that preset is its own
        last or best one. In the second case this run wrote the preset and was
        killed before it could note in `run.json` that it had finished.

        Args:
            target: The path of the preset, which need not exist.
        """
        if self.read().get("overwrite"):
            return True
        found = _hash(target)
        return found is not None and found in (
            _hash(self.preset("last")),
            _hash(self.preset("best")),
        )

    def finish(self) -> None:
        """Notes that training is done, and removes the backup."""
        self.note(finished=True)
        shutil.rmtree(self.backup, ignore_errors=True)

    def remove(self) -> None:
        """Removes the folder of an earlier run.

        Raises:
            FileExistsError: If the folder is not that of a run.
        """
        if not self.path.exists():
            return
        if not self.exists and any(self.path.iterdir()):
            raise FileExistsError(
                f"{self.path} exists and is not the folder of a run: choose "
                "another one with --run."
            )
        self.lock()
        # The lock file stays, because another process may be about to open it.
        # The description is removed last: if this process is killed before,
        # the rest is still recognized as the folder of a run.
        for path in sorted(self.path.iterdir(), key=self._is_description):
            if path.is_dir():
                shutil.rmtree(path)
            elif not path.name.startswith("lock"):
                path.unlink()

    def epochs(self) -> list[Mapping[str, str]]:
        """Returns the rows of `metrics.csv`."""
        if not self.metrics.is_file():
            return []
        with open(self.metrics, encoding="utf-8", newline="") as file:
            # A process that was killed may have left half a row.
            return [row for row in csv.DictReader(file) if None not in row]

    def keep_epochs(self, count: int) -> list[Mapping[str, str]]:
        """Cuts `metrics.csv` to its first `count` epochs, and returns them.

        Epochs after the last backup will be trained and logged again.
        """
        rows = [
            row
            for row in self.epochs()
            if (row["epoch"] or "").isdigit()
            and int(row["epoch"]) < count
            and None not in row.values()
        ]
        if not self.metrics.is_file():
            return rows
        with (
            atomic_file(self.metrics) as temporary,
            open(temporary, "w", encoding="utf-8", newline="") as file,
        ):
            if rows:
                writer = csv.DictWriter(file, rows[0], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        return rows

    def _is_description(self, path):
        return path.name == _DESCRIPTION

    def _write(self, description):
        with atomic_file(self.path / _DESCRIPTION) as temporary:
            text = json.dumps(description, indent=2)
            temporary.write_text(text, "utf-8")


def _hash(preset):
    try:
        return preset_hash(preset)
    except PresetError:  # No readable preset is there.
        return None
