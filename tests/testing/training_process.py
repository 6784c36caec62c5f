"""Runs `tsm train` in a process that tests can watch, signal and kill.

Its networks include the one of `testing.short_resnet`.
"""

import os
import subprocess
import sys
import time

from testing.checkout import PACKAGE_ROOTS, ROOT
from testing.short_resnet import ADD


class TrainingProcess:
    """A process that runs `tsm train`.

    Args:
        work: The working folder, where the output is written too.
        *arguments: The arguments of `tsm train`.
        before: Python code that the process runs first.
        **environment: Environment variables in addition to those of the tests.
    """

    def __init__(self, work, *arguments, before="", **environment):
        self.output = work / f"{time.monotonic_ns()}.txt"
        roots = [*PACKAGE_ROOTS.values(), ROOT / "tests"]
        path = os.pathsep.join(map(str, roots))
        with open(self.output, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-u", "-c"),
                    f"{ADD}{before}\nfrom tsm_cli.main import run; run()",
                    *("train", *arguments),
                ],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=work,
                env={**os.environ, "PYTHONPATH": path, **environment},
            )

    def wait_for(self, condition):
        """Waits until `condition()` is true; fails if the process ends."""
        while not condition():
            assert self.process.poll() is None, self.text()
            time.sleep(0.005)

    def text(self):
        """Returns what was printed so far."""
        return self.output.read_text("utf-8")

    def end(self, status=0):
        """Waits until the process ends with `status`; returns its output."""
        assert self.process.wait(timeout=500) == status, self.text()
        return self.text()
