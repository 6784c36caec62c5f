import pytest

from tsm_keras.tf_keras_process import run_in_tf_keras


@pytest.mark.keras3_only  # tf_keras needs no second process.
def test_an_error_crosses_from_the_tf_keras_process(tmp_path):
    with pytest.raises(
        ValueError, match=r"not a complete preset.*config\.json"
    ):
        run_in_tf_keras("tsm_keras.models.presets:load_preset", str(tmp_path))


@pytest.mark.keras3_only
def test_a_bug_crosses_with_its_traceback():
    with pytest.raises(RuntimeError, match=r"(?s)File .*ZeroDivision"):
        run_in_tf_keras("operator:floordiv", 1, 0)


@pytest.mark.keras3_only
def test_a_missing_tf_keras_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "tsm-keras\[qat\]"'):
        run_in_tf_keras("operator:add", 1, 2)
