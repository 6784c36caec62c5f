"""ExpansionFolder: the folder of an expansion, which can be continued.

expand.json           the settings
steps/SS/NAME.json    one network of step SS: config, cost, accuracy
steps/SS/NAME/        its preset, until another network is chosen
steps/SS/step.json    the name of the chosen network
best/                 the preset of the network that was found
report.html           the report
"""

import dataclasses
import json
import os
import pathlib
import shutil
from typing import Any

import filelock

from tsm_keras.atomic_file import atomic_file, atomic_folder
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.models.config import VideoClassifierConfig

_SETTINGS, _DECISION = "expand.json", "step.json"


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network of one step.

    Attributes:
        step: The number of the step; 0 has only the network to start from.
        name: The name of the axis that it is expanded along, `"start"` or
            `"contracted"`.
        config: The network.
        cost: Its cost, in the unit of the objective.
        top1: Its accuracy, None before it is trained.
        seconds: The time that training took.
        error: Why training failed, or empty.
    """

    step: int
    name: str
    config: VideoClassifierConfig
    cost: float
    top1: float | None = None
    seconds: float = 0.0
    error: str = ""


class ExpansionFolder:
    """The folder of one expansion.

    Args:
        path: The folder, which may not exist yet.

    Attributes:
        path: The path of the folder.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = local_folder(path)
        self._lock: filelock.BaseFileLock | None = None

    def begin(self, settings: dict[str, Any]) -> None:
        """Locks the folder and writes the settings, or compares them.

        Args:
            settings: The settings that all results depend on, as JSON values.

        Raises:
            ValueError: If the folder was begun with other settings.
            FileExistsError: If the folder has other content.
            OSError: If another process uses the folder.
        """
        settings = json.loads(json.dumps(settings))
        file = self.path / _SETTINGS
        if not file.is_file() and self.path.exists():
            others = [x for x in self.path.iterdir() if x.name != "lock"]
            if others:
                raise FileExistsError(
                    f"{self.path} exists and is not the folder of an "
                    "expansion. Choose another folder with --to."
                )
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = filelock.FileLock(self.path / "lock", blocking=False)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise OSError(
                f"Another process uses {self.path}: wait for it, or choose "
                "another folder with --to."
            ) from None
        if not file.is_file():
            _write(file, settings)
            return
        before, now = _flat(_read(file)), _flat(settings)
        differ = [
            f"{name} was {before.get(name)!r} and is {now.get(name)!r}"
            for name in sorted({*before, *now})
            if before.get(name) != now.get(name)
        ]
        if differ:
            self.release()
            raise ValueError(
                f"{self.path} was begun with other settings: "
                f"{'; '.join(differ)}. Use the same settings to continue it, "
                "or choose another folder with --to."
            )

    def release(self) -> None:
        """Releases the lock before this process ends."""
        if self._lock:
            self._lock.release()

    def preset(self, step: int, name: str) -> pathlib.Path:
        """Returns the preset folder of a network."""
        return self._step(step) / name

    def result(self, step: int, name: str) -> Candidate | None:
        """Returns a network that `write_result` wrote, or None."""
        file = self._step(step) / f"{name}.json"
        if not file.is_file():
            return None
        fields = _read(file)
        config = VideoClassifierConfig.from_dict(fields.pop("config"))
        return Candidate(**fields, config=config)

    def write_result(self, candidate: Candidate) -> None:
        """Writes a network whose training is done or failed."""
        fields = dataclasses.asdict(candidate)
        fields["config"] = candidate.config.to_dict()
        _write(
            self._step(candidate.step) / f"{candidate.name}.json",
            fields,
        )

    def decision(self, step: int) -> str | None:
        """Returns the name of the network that was chosen, or None."""
        file = self._step(step) / _DECISION
        return _read(file)["chosen"] if file.is_file() else None

    def write_decision(self, step: int, name: str) -> None:
        """Writes which network was chosen, and removes the other presets."""
        _write(self._step(step) / _DECISION, {"chosen": name})
        for path in self._step(step).iterdir():
            if path.is_dir() and path.name != name:
                shutil.rmtree(path)

    def write_best(self, candidate: Candidate) -> pathlib.Path:
        """Copies the preset of a network to `best`, and returns its path."""
        best = self.path / "best"
        with atomic_folder(best, replace=True) as temporary:
            shutil.copytree(
                self.preset(candidate.step, candidate.name),
                temporary,
                dirs_exist_ok=True,
            )
        return best

    def _step(self, step):
        return self.path / "steps" / f"{step:02d}"


def _write(file, fields):
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as temporary:
        temporary.write_text(json.dumps(fields, indent=2), "utf-8")


def _read(file):
    try:
        fields = json.loads(file.read_text("utf-8"))
        if not isinstance(fields, dict):
            raise ValueError("it must hold a JSON object")
        return fields
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error


def _flat(settings, prefix=""):
    """Returns nested settings by names such as `recipe.training.epochs`."""
    found = {}
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
