from testing.artifacts import random_artifact, random_onnx
from tsm_export.verify.benchmark import benchmark


def test_costs_are_of_each_file():
    paths = [random_artifact(), random_onnx()]
    costs = benchmark(paths, rounds=5)
    for path, cost in zip(paths, costs, strict=True):
        assert cost.seconds.shape == (5,) and (cost.seconds > 0).all()
        assert cost.size == path.stat().st_size
        assert cost.init_seconds > 0
        assert cost.memory > 1e6  # LiteRT itself takes some.
