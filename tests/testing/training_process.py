"""`tsm train` as a user starts it, to be watched, signalled and killed."""

import os
import subprocess
import sys
import time

from testing.checkout import PACKAGE_ROOTS


class TrainingProcess:
    """A process.

    Args:
        work: Its folder, where its output goes too.
        *arguments: Of `tsm train`.
        **environment: Beside that of the tests.
    """

    def __init__(self, work, *arguments, **environment):
        self.output = work / f"{time.monotonic_ns()}.txt"
        path = os.pathsep.join(map(str, PACKAGE_ROOTS.values()))
        with open(self.output, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-u", "-c"),
                    "from tsm_cli.main import run; run()",
                    *("train", *arguments),
                ],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=work,
                env={**os.environ, "PYTHONPATH": path, **environment},
            )

    def wait_for(self, condition):
        """Waits until `condition()` holds; the process must live until then."""
        while not condition():
            assert self.process.poll() is None, self.text()
            time.sleep(0.005)

    def text(self):
        """Returns what was printed so far."""
        return self.output.read_text("utf-8")

    def end(self, status=0):
        """Waits for the end, with this status; returns what was printed."""
        assert self.process.wait(timeout=500) == status, self.text()
        return self.text()
