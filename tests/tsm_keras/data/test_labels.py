import pytest

from tsm_keras.data.labels import check_same_labels, mirrored_labels

NAMES = ("stop", "swipe left", "swipe right", "turn")


def test_pairs_change_into_each_other_and_others_stay():
    pairs = (("swipe right", "swipe left"),)
    assert mirrored_labels(NAMES, pairs) == (0, 2, 1, 3)
    assert mirrored_labels(NAMES, ()) == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "pairs",
    [(("stop", "go"),), (("stop", "stop"),), (("stop", "turn"),) * 2],
)
def test_pairs_that_name_no_class_or_one_twice_are_refused(pairs):
    with pytest.raises(ValueError, match=r"`flip_pairs`.*Received"):
        mirrored_labels(NAMES, pairs)


def test_the_order_of_classes_does_not_matter_but_the_names_do():
    check_same_labels("here", NAMES, NAMES[::-1])
    with pytest.raises(
        ValueError, match=r"missing \['wave'\], unknown \['turn"
    ):
        check_same_labels("here", NAMES, (*NAMES[:3], "wave"))
