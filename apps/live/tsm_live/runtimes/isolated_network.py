"""IsolatedNetwork: runs a network in a child process.

A malicious model or a GPU driver may crash or hang a process. Here it ends the
child process only, and this process raises an error.

A request is one byte with the command, followed by arrays. An answer is one
byte with success or failure, followed by arrays or a JSON text (`pipes.py`).
"""

import contextlib
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from subprocess import PIPE

import numpy as np

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.artifact.spec_json import spec_to_json
from tsm_live.runtimes import pipes
from tsm_live.runtimes.network import AcceleratorError
from tsm_live.runtimes.own_process import (
    ProcessError,
    describe_death,
    start_module,
)

_TICK = 0.25  # Seconds between two checks of the time limit.
_ERRORS = {
    kind.__name__: kind
    for kind in (AcceleratorError, ArtifactError, ImportError)
}


class SessionError(ProcessError):
    """The process that ran a network died, hung or failed."""


class IsolatedNetwork:
    """Runs a network in a child process; see `Network`.

    Args:
        spec: The spec of an artifact.
        model: The bytes of its model.
        accelerator: `"cpu"` or `"gpu"`.
        threads: The number of threads on the CPU.
        providers: The execution providers of ONNX Runtime; see `OnnxNetwork`.
        enforce_float32: Compute in float32 on the GPU; the default is float16.
        environment: Environment variables to set for the process.
        start_limit: The seconds in which the model must be loaded.
        step_limit: The seconds in which any other request must be answered.

    Raises:
        ArtifactError: If the runtime refuses the model.
        AcceleratorError: If there is no GPU that can run the whole network.
        ImportError: If ONNX Runtime is needed and not installed.
        SessionError: If the process died, hung or failed in another way. All
            methods raise it too.
    """

    def __init__(
        self,
        spec: ArtifactSpec,
        model: bytes,
        *,
        accelerator: str = "cpu",
        threads: int = 1,
        providers: Sequence[str] | None = None,
        enforce_float32: bool = False,
        environment: Mapping[str, str] | None = None,
        start_limit: float = 120.0,
        step_limit: float = 60.0,
    ):
        self._spec = spec
        self._host = [zero_state(tensor) for tensor in spec.fed]
        self._limit = step_limit
        self._deadline = [np.inf]
        self._ended = threading.Event()
        # The process would wait if this were a pipe that nobody reads.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = start_module(
            "tsm_live.runtimes.network_server",
            environment=environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=self._errors,
        )
        watched = (self._process, self._deadline, self._ended)
        threading.Thread(target=_watch, args=watched, daemon=True).start()
        assert self._process.stdin and self._process.stdout
        self._to, self._from = self._process.stdin, self._process.stdout
        self._finalizer = weakref.finalize(
            self, _end, self._process, self._ended, self._errors
        )
        header = {
            "spec": spec_to_json(spec),
            "model_size": len(model),
            "accelerator": accelerator,
            "threads": threads,
            "providers": providers and list(providers),
            "enforce_float32": enforce_float32,
        }
        with self._answered(start_limit):
            pipes.write_json(self._to, header)
            pipes.write(self._to, model)
            self._expect_success()
            self.accelerator = pipes.read_json(self._from)

    def close(self) -> None:
        """Ends the process. Every later call raises a `SessionError`."""
        self._finalizer()

    def frame(self) -> np.ndarray:
        """Returns the memory that the next `run` sends to the process."""
        return self._host[0]

    def valid(self) -> np.ndarray:
        """Returns the memory of `spec.valid`; see `Network`."""
        return self._host[1]

    def run(self) -> list[np.ndarray]:
        """Takes the next frame of every stream, or a clip; see `Network`."""
        with self._answered(self._limit):
            self._ask(pipes.RUN, *self._host)
            return pipes.read_arrays(self._from, self._spec.results)

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache."""
        with self._answered(self._limit):
            self._ask(pipes.READ_STATE)
            return pipes.read_arrays(self._from, self._spec.caches)

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
        with self._answered(self._limit):
            self._ask(pipes.WRITE_STATE, *state)

    def memory(self) -> int:
        """Returns the bytes of memory that the process holds."""
        with self._answered(self._limit):
            self._ask(pipes.MEMORY)
            return pipes.read_json(self._from)

    def _ask(self, command, *arrays):
        pipes.write(self._to, command, *arrays)
        self._expect_success()

    def _expect_success(self):
        if pipes.read(self._from, 1) == pipes.SUCCESS:
            return
        kind, message = pipes.read_json(self._from)
        if kind in _ERRORS:
            raise _ERRORS[kind](message)
        raise SessionError(
            f"The process that runs the network failed: {kind}: {message}"
        )

    @contextlib.contextmanager
    def _answered(self, limit: float) -> Iterator[None]:
        """Raises a `SessionError` if the process dies or exceeds the limit."""
        if self._ended.is_set():
            raise SessionError("The process that ran the network has ended.")
        self._deadline[0] = time.monotonic() + limit
        try:
            yield
        except (EOFError, BrokenPipeError) as error:
            status = self._process.wait()
            late = time.monotonic() > self._deadline[0]
            self._errors.seek(0)
            errors = self._errors.read().decode(errors="replace")
            reason = (
                f"did not answer within {limit:g} s"
                if late
                else describe_death(status, errors)
            )
            self.close()
            raise SessionError(
                f"The process that ran the network {reason}"
            ) from error
        except BaseException:  # An answer may be left in the pipe.
            self.close()
            raise
        finally:
            self._deadline[0] = np.inf


def _watch(process, deadline, ended):
    """Kills the process if it does not answer before the deadline."""
    while not ended.wait(_TICK):
        if time.monotonic() > deadline[0]:
            process.kill()
            return


def _end(process, ended, errors):
    ended.set()
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, errors):
        with contextlib.suppress(OSError):
            pipe.close()
