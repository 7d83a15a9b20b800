from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.ports import FoundObject
from penstock.batch.sources import S3Path, Selection, parse_path
from penstock.batch.spec import Source, SourceKind


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("s3://lists", S3Path("lists", "")),
        ("s3://lists/", S3Path("lists", "")),
        ("s3://lists/a/b.json", S3Path("lists", "a/b.json")),
        ("s3://lists/a b+c%20d", S3Path("lists", "a b+c%20d")),
        ("s3://lists//a", S3Path("lists", "/a")),
        ("s3://li.sts-2/ü", S3Path("li.sts-2", "ü")),
        ("s3://lists/" + "a" * 1024, S3Path("lists", "a" * 1024)),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_path_is_a_bucket_and_a_prefix_taken_literally(text, path):
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "", "lists/a", "s3:/lists/a", "S3://lists/a", "https://lists.s3.amazonaws.com/a", "s3://", "s3:///a",
        "s3://Lists/a", "s3://l/a", "s3://-lists/a", "s3://lists\n/a", "s3://lists/a\nb", "s3://lists/a\x00",
        "s3://lists/" + "a" * 1025, "s3://lists/" + "ü" * 513, " s3://lists", "s3://lists\n",
    ],
    ids=lambda value: repr(value)[:24],
)  # fmt: skip
def test_what_is_no_path_is_none(text):
    assert parse_path(text) is None


@given(st.text(max_size=30) | st.text(max_size=30).map(lambda text: f"s3://lists/{text}"))
def test_any_text_is_a_path_or_none(text):
    path = parse_path(text)
    assert path is None or str(path).startswith("s3://")


def test_objects_that_stand_for_folders_are_passed_over_and_all_others_go_by_their_whole_name():
    source = Source(
        kind=SourceKind.FILE_PATH_LISTER,
        batch_size=1,
        s3_paths=("s3://lists/",),
        includes=("s3://lists/**",),
        excludes=("**/b",),
    )
    found = [FoundObject(key, size, '"e"') for key, size in (("a/", 0), ("a/1", 0), ("a/b", 1), ("c/", 1))]
    selection = Selection(source)
    assert [one.key for one in found if selection.takes("lists", one)] == ["a/1", "c/"]
    assert not any(selection.takes("others", one) for one in found)
