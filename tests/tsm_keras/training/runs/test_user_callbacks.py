"""Callbacks that users name are imported, and blamed for their errors."""

import sys

import pytest
from tensorflow import keras

from tsm_keras.training.runs.user_callbacks import (
    find_callbacks,
    make_callbacks,
)

MINE = """
from tensorflow import keras


class Mine(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["seen"] = epoch
        if epoch == 3:
            raise KeyError("key")


def with_options():
    found = Mine()
    found.option = 5
    return found


def broken():
    raise OSError("no server")


class Other:
    pass


def other():
    return Other()
"""


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine_too.py").write_text(MINE)
    (tmp_path / "bad.py").write_text("import a_module_that_nobody_has")
    monkeypatch.chdir(tmp_path)


def test_a_file_named_by_its_path_is_imported_once(tmp_path):
    before = {*sys.modules}
    first, second = make_callbacks(
        find_callbacks(
            ["./mine_too.py:Mine", f"{tmp_path}/mine_too.py:with_options"]
        )
    )
    assert isinstance(first, keras.callbacks.Callback)
    assert second.option == 5
    assert "mine_too" not in {*sys.modules} - before
    both = find_callbacks(["./mine_too.py:Mine", "./mine_too.py:with_options"])
    first, second = make_callbacks(both)
    assert type(first) is type(second)


def test_a_module_is_imported_as_any_installed_one(tmp_path, monkeypatch):
    # The current folder is no place to look in.
    with pytest.raises(ImportError, match=r"\./mine_too\.py:NAME"):
        find_callbacks(["mine_too:Mine"])
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    try:
        (callback,) = make_callbacks(find_callbacks(["mine_too:Mine"]))
    finally:
        sys.modules.pop("mine_too", None)
    logs = {}
    callback.on_epoch_end(2, logs)
    assert logs == {"seen": 2}


def test_keras_calls_it_and_its_error_names_the_line():
    (callback,) = make_callbacks(find_callbacks(["./mine_too.py:Mine"]))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = [[[1.0, 2.0]] * 4, [[1.0]] * 4]
    x, y = (keras.backend.constant(values) for values in (x, y))
    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[callback])
    assert len(history.epoch) == 3
    # Keras still knows what it does not define, and so need not call.
    assert callback.on_train_batch_end._is_default
    line = MINE.splitlines().index('            raise KeyError("key")') + 1
    with pytest.raises(
        ValueError,
        match=rf"\./mine_too.py:Mine failed in on_epoch_end: KeyError: 'key' "
        rf"\(.*mine_too.py, line {line}; TSM_VERBOSE=1",
    ):
        model.fit(x, y, epochs=4, verbose=0, callbacks=[callback])


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("mine", ValueError, "must be MODULE:NAME for.*Received: .*'mine'"),
        ("./mine_too.py:", ValueError, "must be MODULE:NAME"),
        ("./mine_too.py:a.b", ValueError, "must be MODULE:NAME"),
        ("../mine_too:Mine", ValueError, "must be MODULE:NAME"),
        ("./mine_too.py:Absent", ValueError, "class or a function of"),
        ("./mine_too.py:MINE", ValueError, "class or a function of"),
        ("./absent.py:Mine", FileNotFoundError, "absent.py, which does not"),
        ("absent.deeper:Mine", ImportError, r"\./absent/deeper\.py:NAME"),
        ("./bad.py:Mine", ImportError, "No module named 'a_module_that_nob"),
        ("./mine_too.py:Other", ValueError, "subclass of keras.callbacks"),
        ("./mine_too.py:other", ValueError, "subclass of keras.callbacks"),
        ("./mine_too.py:broken", ValueError, "making the callback.*no server"),
    ],
)
def test_what_cannot_be_a_callback_is_refused(name, error, message):
    with pytest.raises(error, match=message):
        make_callbacks(find_callbacks([name]))
