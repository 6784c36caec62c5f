"""CSV lists with a column per head."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsm_keras.data.labels import Head
from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.prepare.plan import make_plan

ROWS = (
    {"path": "a.mp4", "verb": "open", "noun": "door", "end": "3"},
    {"path": "b.mp4", "verb": "shut", "noun": "door", "end": ""},
    {"path": "c.mp4", "verb": "open", "noun": "tap", "end": "2.5"},
    {"path": "d.mp4", "verb": "open", "noun": "box", "end": ""},
)
COLUMNS = tuple(ROWS[0])


def _read(root, **lists):
    for name, text in lists.items():
        (root / f"{name}.csv").write_text(text)
    return read_collection("csv", SourceOptions(root))


def _text(columns=COLUMNS, rows=ROWS):
    lines = [",".join(row[name] for name in columns) for row in rows]
    return "\n".join([",".join(columns), *lines])


def test_each_column_that_is_not_known_is_a_head(tmp_path):
    collection = _read(tmp_path, clips=_text())
    assert collection.heads == (
        Head(("open", "shut"), "verb"),
        Head(("box", "door", "tap"), "noun"),
    )
    found = {clip.path: (clip.labels, clip.end) for clip in collection.clips}
    assert found == {
        "a.mp4": (("open", "door"), 3.0),
        "b.mp4": (("shut", "door"), None),
        "c.mp4": (("open", "tap"), 2.5),
        "d.mp4": (("open", "box"), None),
    }
    with pytest.raises(ValueError, match=r"single head .*\['verb', 'noun'\]"):
        _ = collection.label_names


@settings(max_examples=20, deadline=None)
@given(columns=st.permutations(COLUMNS), rows=st.permutations(ROWS))
def test_the_order_of_columns_changes_only_the_order_of_heads(
    tmp_path_factory, columns, rows
):
    root = tmp_path_factory.mktemp("lists")
    for row in ROWS:
        (root / row["path"]).touch()
    first = _read(root, clips=_text())
    other = _read(root, clips=_text(columns, rows))
    assert sorted(other.heads, key=repr) == sorted(first.heads, key=repr)
    order = [name for name in columns if name in ("verb", "noun")]
    assert [head.name for head in other.heads] == order

    def by_name(collection):
        names = [head.name for head in collection.heads]
        return {
            (shard.file, clip.path, clip.start, clip.end): dict(
                zip(names, clip.labels, strict=True)
            )
            for shard in make_plan(collection, clips_per_shard=2).shards
            for clip in shard.clips
        }

    # The splits are drawn by the classes of all heads.
    assert by_name(other) == by_name(first)


def test_lists_may_have_the_columns_in_different_orders(tmp_path):
    collection = _read(
        tmp_path,
        a_train=_text(),
        b_test=_text(COLUMNS[::-1], [ROWS[0] | {"path": "e.mp4"}]),
    )
    assert [head.name for head in collection.heads] == ["verb", "noun"]
    (clip,) = (clip for clip in collection.clips if clip.split == "test")
    assert clip.labels == ("open", "door")


@pytest.mark.parametrize("header", ["path,label,camera", "camera,path,label"])
def test_with_a_column_label_there_is_one_head(tmp_path, header):
    rows = [row | {"camera": row["verb"], "label": row["noun"]} for row in ROWS]
    collection = _read(tmp_path, clips=_text(header.split(","), rows))
    assert collection.heads == (Head(("box", "door", "tap")),)
    expected = {(row["path"], row["noun"]) for row in ROWS}
    assert {(x.path, x.label) for x in collection.clips} == expected


def test_a_single_column_of_another_name_is_the_only_head(tmp_path):
    collection = _read(tmp_path, clips=_text(("noun", "path")))
    assert collection.label_names == ("box", "door", "tap")
    assert {clip.label for clip in collection.clips} == {"box", "door", "tap"}


def test_names_of_heads_are_made_uniform(tmp_path):
    text = _text().replace("verb", "Verb Class").replace("noun", " NOUN-2 ")
    collection = _read(tmp_path, clips=text)
    assert [head.name for head in collection.heads] == ["verb_class", "noun_2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,verb,noun\na.mp4,open,door\nb.mp4,shut,\n",
            r"clips\.csv:3: .*label for each of \['verb', 'noun'\].*'shut', ''",
        ),
        (
            "path,verb,noun\na.mp4,open,door\nb.mp4,shut\n",
            r"clips\.csv:3: .*Received: \['b.mp4', 'shut', ''\]",
        ),
        (
            "path,verb,noun\na.mp4,open,door\nb.mp4,open,tap\n",
            "two classes or more of the head 'verb'",
        ),
        (
            "path,verb,verb\na.mp4,open,door\n",
            r"clips\.csv:1: .*each column once. Received: \['verb', 'verb'\]",
        ),
        (
            "path,verb,label,label\na.mp4,open,door,x\n",
            r"clips\.csv:1: .*each column once",
        ),
        (
            "path,verb class,noun,Verb-Class\na.mp4,open,door,shut\n",
            r"clips\.csv:1: .*\['verb class', 'verb-class'\].*'verb_class'",
        ),
        ("path,2nd,noun\na.mp4,open,door\n", r"csv:1: .*begin with a letter"),
        ("path,all,noun\na.mp4,open,door\n", r"csv:1: .*must not be 'all'"),
        (
            _text() + "\n" + _text().splitlines()[1].replace("door", "tap"),
            "one label and one split",
        ),
    ],
)
def test_wrong_heads_are_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, clips=text)


def test_all_lists_must_have_the_same_heads(tmp_path):
    for other in ("path,verb\ne.mp4,open\n", "path,verb,tool\ne.mp4,open,x\n"):
        message = r"b\.csv:1: .*same heads, \['verb', 'noun'\]. Received: "
        with pytest.raises(ValueError, match=message):
            _read(tmp_path, a=_text(), b=other)


def test_splits_balance_the_classes_of_every_head(tmp_path):
    verbs, nouns = ("open", "shut", "turn"), ("door", "tap")
    rows = [
        {"path": f"{verb}{noun}{number}.mp4", "verb": verb, "noun": noun}
        for verb, noun in itertools.product(verbs, nouns)
        for number in range(20)
    ]
    for row in rows:
        (tmp_path / row["path"]).touch()
    collection = _read(tmp_path, clips=_text(("path", "verb", "noun"), rows))
    plan = make_plan(collection)
    for place, size in enumerate((40, 60)):
        for split, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
            for count in plan.counts(place)[split].values():
                assert count == pytest.approx(share * size, abs=1)
