import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tsm_keras.evaluation import plots
from tsm_keras.evaluation.predictions import Predictions

NAMES = ("no_gesture", "turn_clockwise", "turn_counterclockwise")


def make(seed=0, names=NAMES, frames=4):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(30, frames, len(names)))
    labels = random.integers(0, len(names), 30)
    return Predictions(logits.astype(np.float32), labels, names)


def decode(png):
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


@pytest.fixture
def figures(monkeypatch):
    """Returns a list that collects every figure that is saved."""
    saved, save = [], Figure.savefig

    def spy(figure, *args, **kwargs):
        saved.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", spy)
    return saved


def assert_no_overlap(labels):
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


@pytest.mark.parametrize("models", [1, 2, 4, 5])
def test_confusion_matrices_names_each_model_with_its_top1(figures, models):
    predictions = {f"model {seed}": make(seed) for seed in range(models)}
    decode(plots.confusion_matrices(predictions))
    shown = [axes for axes in figures[0].axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == [
        f"{name}: {item.top1():.1%}" for name, item in predictions.items()
    ]


def test_confusion_matrices_are_shares_of_rows(figures):
    prediction = Predictions(
        np.eye(3, dtype=np.float32)[[0, 0, 1, 0]][:, None],
        np.array([0, 0, 0, 1]),
        NAMES,
    )
    decode(plots.confusion_matrices({"model": prediction}))
    (image,) = figures[0].axes[0].images
    np.testing.assert_allclose(
        # A class without clips has no shares.
        np.ma.filled(image.get_array(), np.nan),
        [[2 / 3, 1 / 3, 0], [1, 0, 0], [np.nan] * 3],
    )


@pytest.mark.parametrize("classes", [2, 12, 27, 60, 174])
def test_names_of_classes_do_not_overlap(figures, classes):
    names = tuple(f"turn_counterclockwise_{i}" for i in range(classes))
    predictions = {"TSM": make(0, names), "TSN": make(1, names)}
    decode(plots.confusion_matrices(predictions))
    for axes in figures[0].axes:
        assert_no_overlap(axes.get_xticklabels())
        assert_no_overlap(axes.get_yticklabels())


def test_accuracy_over_time_draws_each_curve(figures):
    predictions = {"TSM": make(0), "TSN": make(1, frames=8)}
    png = plots.accuracy_over_time(predictions, horizontal={"bound": 0.583})
    decode(png)
    (axes,) = figures[0].axes
    curves, bound = axes.lines[:2], axes.lines[2]
    for line, item in zip(curves, predictions.values(), strict=True):
        frames = item.frame_logits.shape[1]
        np.testing.assert_allclose(
            line.get_xdata(), np.arange(1, frames + 1) / frames
        )
        np.testing.assert_allclose(line.get_ydata(), item.top1_by_frames())
    assert set(bound.get_ydata()) == {0.583}
    assert bound.get_label() == "bound: 58.3%"


def test_dollar_signs_are_text():
    names = ("$x$", "$\\oops", "a_b^c$")
    predictions = {"$\\frac$ model": make(names=names)}
    decode(plots.confusion_matrices(predictions))
    decode(plots.accuracy_over_time(predictions, horizontal={"$^$": 0.5}))


def test_equal_predictions_are_equal_bytes():
    for draw in (plots.confusion_matrices, plots.accuracy_over_time):
        assert draw({"model": make()}) == draw({"model": make()})


def test_refuses_none_and_mixed_classes():
    mixed = {"one": make(), "other": make(names=NAMES[::-1])}
    for draw in (plots.confusion_matrices, plots.accuracy_over_time):
        for predictions in ({}, mixed):
            with pytest.raises(ValueError, match="same classes.*Received"):
                draw(predictions)


def test_matplotlib_is_imported_by_the_first_plot_only():
    code = (
        "import sys; import tsm_keras.evaluation.plots as plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plots.new_figure(1, 1, 'constrained')\n"
        "assert 'matplotlib' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=_root())


def _root():
    # Wherever this process found the package, installed or not.
    folder = plots.__file__
    for _ in plots.__name__.split("."):
        folder = folder.rpartition("/")[0]
    return folder


@settings(deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 40),
    st.integers(1, 80),
    st.none() | st.integers(1, 14),
)
def test_contact_sheet_holds_each_frame_in_reading_order(
    length, height, width, columns
):
    random = np.random.default_rng(length)
    frames = random.integers(0, 256, (length, height, width, 3), np.uint8)
    sheet = decode(plots.contact_sheet(frames, columns=columns))
    columns = min(columns or 8, length)
    rows = -(-length // columns)
    gap = (sheet.shape[0] - rows * height) // max(1, rows - 1)
    gap = gap or (sheet.shape[1] - columns * width) // max(1, columns - 1)
    blank = np.ones(sheet.shape[:2], bool)
    for index, frame in enumerate(frames):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        place = slice(top, top + height), slice(left, left + width)
        np.testing.assert_array_equal(sheet[place], frame)
        blank[place] = False
    assert (sheet[blank] == 255).all()


@pytest.mark.parametrize(
    ("frames", "columns"),
    [
        (np.zeros((4, 8, 8), np.uint8), None),
        (np.zeros((0, 8, 8, 3), np.uint8), None),
        (np.zeros((4, 8, 8, 1), np.uint8), None),
        (np.zeros((4, 8, 8, 3)), None),
        (np.zeros((4, 8, 8, 3), np.uint8), 0),
    ],
)
def test_contact_sheet_refuses(frames, columns):
    with pytest.raises(ValueError, match="Received: "):
        plots.contact_sheet(frames, columns=columns)
