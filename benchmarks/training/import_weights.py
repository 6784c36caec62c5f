"""Measures time and memory of importing a ResNet-50 from a `.pth` file.

    python -m benchmarks.training.import_weights

The weights are random, with the names and shapes of the TSM authors and, as in
their files, the state of the optimizer. Each import is a separate process, as
with `tsm import-weights`. The benchmark needs PyTorch and takes a minute.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

_NAME = "TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50.pth"
_RUNS = 3
# It prints its CPU time and its peak memory in KB.
_CHILD = """
import resource, sys, time
from tsm_cli.main import dispatch
status = dispatch(["import-weights", *sys.argv[1:]])
print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""


def main() -> None:
    """Prints seconds and megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / _NAME
        _write_checkpoint(path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
        seconds, busy, peaks = [], [], []
        for run in range(_RUNS):
            start = time.perf_counter()
            result = subprocess.run(
                [sys.executable, "-c", _CHILD, path, f"--to={folder}/{run}"],
                check=True,
                capture_output=True,
                text=True,
            )
            seconds.append(time.perf_counter() - start)
            *_, process_time, peak = result.stdout.split()
            busy.append(float(process_time))
            peaks.append(int(peak) / 1e3)
    print(
        f"import to preset: {statistics.median(seconds):.1f} s (median of "
        f"{_RUNS}: {', '.join(f'{s:.1f}' for s in seconds)}), with "
        f"{statistics.median(busy):.1f} s of CPU time; peak memory "
        f"{max(peaks):.0f} MB"
    )


def _write_checkpoint(path):
    import torch

    from tsm_keras.checkpoints.exporting import export_state_dict
    from tsm_keras.models.clip import build_clip_model
    from tsm_keras.models.config import VideoClassifierConfig

    model = build_clip_model(
        VideoClassifierConfig(num_classes=400, backbone="resnet50")
    )
    state_dict = {
        f"module.{name}": torch.from_numpy(np.array(tensor))
        for name, tensor in export_state_dict(model).items()
    }
    momentum = {
        index: {"momentum_buffer": torch.zeros_like(tensor)}
        for index, tensor in enumerate(state_dict.values())
    }
    torch.save(
        {"epoch": 50, "state_dict": state_dict, "optimizer": momentum}, path
    )


if __name__ == "__main__":
    main()
