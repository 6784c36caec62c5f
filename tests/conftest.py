"""Settings for all tests."""

import gc
import os

import pytest

# Read when TensorFlow is imported, so before any test module.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_TF_KERAS = os.environ.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True")
_REQUIRE_ALL = os.environ.get("TSM_REQUIRE_ALL", "0") != "0"


def pytest_collection_modifyitems(config, items):
    other = "keras3_only" if _TF_KERAS else "tf_keras_only"
    left_out = [item for item in items if item.get_closest_marker(other)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish():
    """Lets Python look for garbage less often, and not in modules.

    Tracing a network makes many objects that live on. The usual search among
    them takes about a tenth of the time of a short training.
    """
    gc.collect()
    gc.freeze()
    # Not rarer: networks are garbage that only this search finds.
    gc.set_threshold(50_000, 10, 10)


@pytest.fixture(scope="module")
def resnet10():
    """Lets the tests of a module name the network `resnet10`."""
    from testing.short_resnet import known_resnet10

    with known_resnet10():
        yield


def pytest_sessionfinish(session):
    """With TSM_REQUIRE_ALL=1, a test that was skipped is a failure."""
    if _REQUIRE_ALL and _skipped(session.config) and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    if not _REQUIRE_ALL:
        return
    for report in _skipped(config):
        *_, reason = report.longrepr
        terminalreporter.write_line(
            f"TSM_REQUIRE_ALL: {report.nodeid}: {reason}", red=True
        )


def _skipped(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    # The processes of pytest-xdist have none: the one that leads them reports.
    return reporter.stats.get("skipped", []) if reporter else []
