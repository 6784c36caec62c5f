import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm_live.views import text


def _drawn(words, height=20, width=None, **options):
    """Returns the box of what was drawn, from its corner at (40, 40)."""
    picture = np.zeros((120, 400, 3), np.uint8)
    text.put_text(
        picture, words, (40, 40), height, (255,) * 3, width=width, **options
    )
    rows, columns = np.nonzero(picture.any(-1))
    if not len(rows):
        return None
    return (
        rows.min() - 40,
        rows.max() + 1 - 40,
        columns.min() - 40,
        columns.max() + 1 - 40,
    )


@pytest.fixture(params=[True, False], ids=["any_script", "ascii"])
def any_script(request, monkeypatch):
    if request.param and not text._ANY_SCRIPT:
        pytest.skip("needs OpenCV 5 or later")
    monkeypatch.setattr(text, "_ANY_SCRIPT", request.param)
    text._fit.cache_clear()
    yield request.param
    text._fit.cache_clear()


@pytest.mark.parametrize("height", [12, 14, 20, 48])
def test_text_is_as_high_as_asked_for(any_script, height):
    top, bottom, left, _ = _drawn("Ag", height)
    assert -1 <= top <= 1 + height // 5
    assert height * 0.85 - 1 <= bottom <= height + 2
    assert -1 <= left <= 1 + height // 5


@given(
    words=st.text(max_size=60),
    width=st.integers(0, 300),
    height=st.integers(6, 30),
)
def test_no_text_is_wider_than_allowed(words, width, height):
    box = _drawn(words, height, width)
    assert box is None or (box[2] >= -3 and box[3] <= width + 3)


def test_what_is_cut_ends_in_dots(any_script):
    fitted, width, _ = text._fit("swipe left with two fingers", 20, 120, False)
    kept = fitted.rstrip("….")
    assert "swipe left with two fingers".startswith(kept) and len(kept) > 3
    assert fitted != kept and width <= 120


def test_aligned_right():
    _, _, left, right = _drawn("99%", align_right=True)
    assert -60 < left < -20 and -3 <= right <= 1


def test_scripts(any_script):
    drawable = text._drawable("Grüße\n手势")
    assert drawable == ("Grüße 手势" if any_script else "Gru?e ??")
