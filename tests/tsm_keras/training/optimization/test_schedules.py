import math

import numpy as np
import pytest

from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.optimization.schedules import (
    WarmUp,
    learning_rate_schedule,
)


def _rates(steps_per_epoch=10, **fields):
    config = TrainingConfig(epochs=4, learning_rate=0.5, **fields)
    schedule = learning_rate_schedule(config, steps_per_epoch)
    steps = steps_per_epoch * config.epochs
    return np.array([float(schedule(step)) for step in range(steps)])


def test_steps_fall_at_the_start_of_their_epochs():
    rates = _rates(schedule="step", step_epochs=(1, 3), warmup=0.0)
    expected = np.repeat([0.5, 0.05, 0.05, 0.005], 10)
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_a_cosine_falls_to_zero_after_the_warm_up():
    rates = _rates(warmup=0.1)
    rising = [0.05 + 0.45 * step / 4 for step in range(4)]
    falling = [0.25 * (1 + math.cos(math.pi * k / 36)) for k in range(36)]
    np.testing.assert_allclose(rates, rising + falling, atol=1e-6)


def test_warm_up_before_steps_and_before_a_constant():
    rising = [0.05 + 0.45 * step / 4 for step in range(4)]
    steps = _rates(schedule="step", step_epochs=(2,), warmup=0.1)
    np.testing.assert_allclose(
        steps, rising + [0.5] * 16 + [0.05] * 20, rtol=1e-6
    )
    constant = _rates(schedule="constant", warmup=0.1)
    np.testing.assert_allclose(constant, rising + [0.5] * 36, rtol=1e-6)


def test_warm_up_survives_its_config():
    config = TrainingConfig(schedule="step", step_epochs=(2,), warmup=0.3)
    schedule = learning_rate_schedule(config, 10)
    again = WarmUp.from_config(schedule.get_config())
    for step in range(100):
        assert float(again(step)) == float(schedule(step))


@pytest.mark.parametrize(
    ("fields", "peak"),
    [
        ({}, 0.02),
        ({"rate_batch_size": 128, "batch_size": 128}, 0.02),
        ({"rate_batch_size": 128, "batch_size": 256}, 0.04),
        ({"rate_batch_size": 128, "batch_size": 16, "accumulate": 4}, 0.01),
    ],
)
def test_the_rate_scales_with_the_clips_per_step(fields, peak):
    config = TrainingConfig(learning_rate=0.02, **fields)
    assert config.peak_rate == pytest.approx(peak)
