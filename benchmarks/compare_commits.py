"""Compares the speed of two checkouts of this project, in one run.

    git worktree add ../before COMMIT
    python benchmarks/compare_commits.py ../before .

Each checkout has a process of its own. Measurements alternate between the two,
in an order that changes from round to round, so that both see the same state of
the machine. Only names that are public in both are used. The table has the
medians, the ratio of the second checkout to the first (the median over rounds
of the ratio in each round), and the same ratio of the first checkout to a copy
of itself, which shows the noise of the ratios.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

_ROOTS = (".", "export", "apps/live", "apps/jetson", "apps/cli")
_IMPORTS = {
    "import of tsm_live": "import tsm_live",
    "tsm --help": "from tsm_cli.main import dispatch; dispatch(['--help'])",
}


class Checkout:
    """A checkout, and the process that measures in it.

    Args:
        root: Its folder.
        scratch: A folder of its own for files.
        videos: A folder of class folders of videos.
    """

    def __init__(self, root: pathlib.Path, scratch: pathlib.Path, videos: str):
        paths = [str(root.resolve() / each) for each in _ROOTS]
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self._scratch = scratch
        scratch.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", str(scratch), videos],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.names = [*_IMPORTS, *self._answer()]

    def measure(self, name: str) -> float:
        """Returns the seconds that one round of a measurement takes."""
        if name in _IMPORTS:
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", _IMPORTS[name]],
                cwd=self._scratch,
                env=self._environment,
                stdout=subprocess.DEVNULL,
                check=True,
            )
            return time.perf_counter() - start
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self):
        for line in self._process.stdout:
            if line.startswith("answer "):
                return json.loads(line.removeprefix("answer "))
        raise RuntimeError("the process of a checkout died")


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=pathlib.Path)
    parser.add_argument("after", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        from tsm_keras.data.gestures.generate import write_gestures

        videos = str(scratch / "videos")
        write_gestures(videos, clips_per_class=8, seed=0)
        roots = (arguments.before, arguments.after, arguments.before)
        checkouts = [
            Checkout(root, scratch / str(number), videos)
            for number, root in enumerate(roots)
        ]
        print(f"{'':28}{'before':>10}{'after':>10}{'ratio':>8}{'itself':>8}")
        for name in checkouts[0].names:
            print(_row(name, checkouts, arguments.rounds), flush=True)
        for checkout in checkouts:
            checkout.close()


def _row(name, checkouts, rounds):
    for checkout in checkouts:
        checkout.measure(name)  # Caches and threads warm up.
    times = []
    for number in range(rounds):
        order = [0, 1, 2] if number % 2 else [2, 1, 0]
        found = {place: checkouts[place].measure(name) for place in order}
        times.append([found[place] for place in range(3)])
    before, after, _ = map(statistics.median, zip(*times, strict=True))
    # Either copy of the first checkout is as good.
    ratio = statistics.median(2 * b / (a + c) for a, b, c in times)
    itself = statistics.median(c / a for a, _, c in times)
    return (
        f"{name:28}{before * 1e3:8.2f}ms{after * 1e3:8.2f}ms"
        f"{ratio:8.3f}{itself:8.3f}"
    )


def worker(scratch: pathlib.Path, videos: str) -> None:
    """Answers on stdout how long what is named on stdin takes."""
    measurements = _measurements(scratch, videos)
    print("answer", json.dumps(list(measurements)), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        measurements[line.strip()]()
        print("answer", time.perf_counter() - start, flush=True)


def _measurements(scratch, videos):
    import numpy as np
    import tensorflow as tf

    import tsm_keras
    from tsm_export import export_tflite
    from tsm_keras.training.fit import compile_model
    from tsm_live import StreamingSession

    rng = np.random.default_rng(0)
    config = tsm_keras.VideoClassifierConfig(
        num_classes=10,
        labels=tuple("abcdefghij"),
        shift="causal",
        image_size=224,
    )
    model = tsm_keras.build_clip_model(config)
    clips = rng.integers(0, 256, (16, 8, 224, 224, 3)).astype(np.float32)
    frames = clips.reshape(-1, 224, 224, 3).astype(np.uint8)
    sessions = {}
    for quantize in ("none", "int8"):
        path = scratch / f"{quantize}.tflite"
        options = (
            {"calibration_clips": clips[:2].astype(np.uint8)}
            if quantize == "int8"
            else {}
        )
        export_tflite(model, path, quantize=quantize, **options)
        sessions[quantize] = StreamingSession(path)

    def stream(session):
        for frame in frames[:40]:
            session.step(frame)

    small = tsm_keras.build_clip_model(
        tsm_keras.VideoClassifierConfig(
            num_classes=10, shift="bidirectional", image_size=112
        )
    )
    compile_model(small, tsm_keras.TrainingConfig(batch_size=4), 100)
    batch = tf.constant(clips[:4, :, :112, :112])
    labels = tf.constant([0, 1, 2, 3])

    def train():
        small.train_on_batch(batch, labels)

    subprocess.run(
        [
            *(sys.executable, "-c", "from tsm_cli.main import run; run()"),
            *("prepare", f"--source={videos}", f"--to={scratch / 'set'}"),
        ],
        cwd=scratch,  # Not a checkout, which would be imported.
        stdout=subprocess.DEVNULL,
        check=True,
    )
    shards = tsm_keras.make_dataset(
        scratch / "set",
        tsm_keras.VideoClassifierConfig(num_classes=10, image_size=112),
        split="train",
        batch_size=8,
        training=True,
    )

    def read():
        for _ in shards:
            pass

    return {
        "training step": train,
        "session step, float32": lambda: stream(sessions["none"]),
        "session step, int8": lambda: stream(sessions["int8"]),
        "an epoch of shards": read,
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(pathlib.Path(sys.argv[2]), sys.argv[3])
    else:
        main()
