"""Jobs in processes: results, errors, killed processes and an early end."""

import os
import signal
import time

from testing.waiting import wait_for
from tsm_keras.training.expansion.processes import run_in_processes


def work(job):
    """A job is what it does: a number, an error, a signal or a long wait."""
    if job == "fail":
        raise ValueError("no such clip")
    if job == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(job, os.PathLike):
        with open(job, "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    return os.getpid() if job == "pid" else 2 * job


def test_a_failed_or_killed_job_does_not_lose_the_others():
    jobs = {"a": 1, "b": "fail", "c": "killed", "d": 21}
    results = dict(run_in_processes(work, jobs, processes=2))
    assert results["a"] == 2 and results["d"] == 42
    assert str(results["b"]) == "no such clip"
    assert isinstance(results["c"], Exception)


def test_if_the_iteration_ends_early_all_processes_end(tmp_path):
    file = tmp_path / "pid"
    jobs = {"short": 1, "long": file, "never": tmp_path / "never"}
    results = run_in_processes(work, jobs, processes=2)
    assert next(results) == ("short", 2)
    wait_for(lambda: file.is_file() and file.read_text(), seconds=120)
    results.close()  # Returns only when the processes have ended.
    assert not is_running(int(file.read_text()))


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
