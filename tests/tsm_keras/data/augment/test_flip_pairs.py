import pytest

from tsm_keras.data.augment.flip_pairs import find_flip_pairs, parse_flip_pairs

# The classes of Jester v1 that have a side, and some that only seem to.
JESTER = (
    "Swiping Left",
    "Swiping Right",
    "Turning Hand Clockwise",
    "Turning Hand Counterclockwise",
    "Sliding Two Fingers Left",
    "Sliding Two Fingers Right",
    "Thumb Up",
    "Stop Sign",
)


def test_the_sides_of_jester_are_paired():
    pairs, alone = find_flip_pairs(JESTER)
    assert pairs == (JESTER[0:2], JESTER[2:4], JESTER[4:6])
    assert alone == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("swipe_left", "swipe_right"),
        ("SwipeLeft", "SwipeRight"),
        ("push-left", "PUSH-RIGHT"),
        ("turn clockwise", "turn counter-clockwise"),
        ("turn_clockwise", "turn_anticlockwise"),
        (
            "Pulling something from left to right",
            "Pulling something from right to left",
        ),
        ("left", "right"),
        ("lean leftwards", "lean rightwards"),
    ],
)
def test_names_that_differ_in_sides_are_a_pair(first, second):
    assert find_flip_pairs(("stop", first, second)) == (((first, second),), ())
    assert find_flip_pairs((second, "stop", first)) == (((second, first),), ())


@pytest.mark.parametrize(
    "name", ["sit upright", "copyright", "cleft", "bright light", "o'clock"]
)
def test_words_with_a_side_in_them_have_none(name):
    assert find_flip_pairs((name, "stop")) == ((), ())


def test_a_side_without_a_partner_is_named():
    assert find_flip_pairs(("turn left", "turn around")) == ((), ("turn left",))


def test_pairs_are_read_from_text():
    assert parse_flip_pairs("a b:c, d : e") == (("a b", "c"), ("d", "e"))
    for text in ("", "a", "a:", "a:b:c", "a:b,"):
        with pytest.raises(ValueError, match="Received: flip_pairs="):
            parse_flip_pairs(text)
