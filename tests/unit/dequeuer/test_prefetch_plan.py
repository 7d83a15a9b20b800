"""Which files come of what is wanted, and in which pieces they are downloaded."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dequeuer.prefetch.faults import Missing, Unusable
from dequeuer.prefetch.plan import RANGE_BYTES, File, Found, Wanted, WantedList, apart, files, ranges

FOLDER = Wanted(bucket="models", key="resize/v3/", path="model")
WEIGHTS = Wanted(bucket="models", key="resize/weights", path="weights.bin")


def found(*keys: str) -> list[Found]:
    return [Found(key, 7, f'"{key}"') for key in keys]


def paths(wanted: Wanted, *keys: str) -> dict[str, str]:
    return {file.key: str(file.path) for file in files(wanted, found(*keys))}


def test_all_below_a_prefix_keep_their_places_in_the_folder():
    assert paths(FOLDER, "resize/v3/a", "resize/v3/b/c") == {
        "resize/v3/a": "model/a",
        "resize/v3/b/c": "model/b/c",
    }


def test_a_slash_behind_a_folder_changes_nothing():
    assert paths(Wanted(bucket="models", key="a/", path="x/"), "a/b") == {"a/b": "x/b"}


def test_a_whole_bucket_is_a_prefix_too():
    assert paths(Wanted(bucket="models", key="", path="all"), "a", "b/c") == {"a": "all/a", "b/c": "all/b/c"}


def test_one_object_gets_the_name_it_is_wanted_by_also_if_others_begin_like_it():
    assert paths(WEIGHTS, "resize/weights", "resize/weights-old") == {"resize/weights": "weights.bin"}


def test_one_object_keeps_its_name_in_a_folder():
    wanted = Wanted(bucket="models", key="resize/weights", path="bin/")
    assert paths(wanted, "resize/weights") == {"resize/weights": "bin/weights"}


def test_what_the_console_makes_to_show_a_folder_is_no_file():
    assert paths(FOLDER, "resize/v3/", "resize/v3/b/", "resize/v3/b/c") == {"resize/v3/b/c": "model/b/c"}


@pytest.mark.parametrize(
    ("wanted", "keys", "reason"),
    [
        (FOLDER, [], "no object below s3://models/resize/v3/"),
        (FOLDER, ["resize/v3/", "resize/v3/b/"], "no object below"),
        (WEIGHTS, [], "no object s3://models/resize/weights: check the key"),
        (WEIGHTS, ["resize/weights-old"], "check the key"),
        (WEIGHTS, ["resize/weights/a"], "some below s3://models/resize/weights/: add the slash"),
    ],
)
def test_what_is_not_there_is_named_with_the_remedy(wanted, keys, reason):
    with pytest.raises(Missing, match=reason):
        files(wanted, found(*keys))


@pytest.mark.parametrize(
    "key", ["resize/v3/../../etc/passwd", "resize/v3//a", "resize/v3/./a", "resize/v3/a\0"]
)
def test_a_key_that_leads_out_of_its_folder_or_is_no_path_is_refused(key):
    with pytest.raises(Unusable, match="cannot be the path of a file"):
        files(FOLDER, found(key))


def test_two_objects_that_would_be_one_file_are_refused():
    planned = [*files(FOLDER, found("resize/v3/a")), *files(WEIGHTS, found("resize/weights"))]
    assert apart(planned) == planned
    with pytest.raises(Unusable, match="would be the same file, model/a"):
        apart([*planned, *files(Wanted(bucket="b", key="k", path="model/a"), found("k"))])


def test_a_file_where_another_object_needs_a_folder_is_refused():
    with pytest.raises(Unusable, match="where s3://models/resize/v3/a/b needs a folder, model/a"):
        apart(files(FOLDER, found("resize/v3/a", "resize/v3/a/b")))


@given(st.integers(min_value=0, max_value=20 * RANGE_BYTES))
def test_the_ranges_of_a_file_cover_each_byte_once_in_order(size):
    file = File(path=PurePosixPath("a"), bucket="b", key="k", size_bytes=size, etag="e")
    end = 0
    for part in ranges(file):
        assert part.first == end
        assert 1 <= part.last - part.first + 1 <= RANGE_BYTES
        end = part.last + 1
    assert end == size


def test_what_the_task_definition_tells_is_read():
    text = json.dumps([{"bucket": "b", "key": "k", "path": "p"}])
    assert WantedList.parse(text).entries == (Wanted(bucket="b", key="k", path="p"),)


@pytest.mark.parametrize(
    "text", ["", "{}x", "[1]", '[{"bucket": "b"}]', '[{"bucket": "b", "key": "k", "at": "p"}]']
)
def test_what_is_no_list_of_sources_is_refused(text):
    with pytest.raises(ValueError, match=r"^(not a list of sources|Expecting|Extra data)"):
        WantedList.parse(text)
