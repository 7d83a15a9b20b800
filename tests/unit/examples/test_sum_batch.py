import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_tasks.examples.sum_batch.server import OwnSums, RefusedError, SharedSums, batch_sum, sums_of
from tests.unit.examples.conftest import keys_in


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ([1, 2, 3], 6),
        ([[1, 2], [3]], 6),
        ([1, [2, 3], []], 6),  # both, and an empty list
        ([], 0),
        ([0.5, 1], 1.5),
        ([10**30, 1], 10**30 + 1),  # whole numbers are exact
    ],
)
def test_numbers_and_lists_of_numbers_are_summed(batch, expected):
    assert batch_sum(json.dumps(batch).encode()) == expected


@given(st.lists(st.integers() | st.lists(st.integers())))
def test_how_numbers_are_grouped_does_not_change_their_sum(items):
    flat = [number for item in items for number in (item if isinstance(item, list) else [item])]

    assert batch_sum(json.dumps(items).encode()) == batch_sum(json.dumps(flat).encode())


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[1", b"\xff", b"[" * 100_000),  # no JSON
        *(b"5", b'{"a": 1}', b'"12"'),  # no array
        *(b'["1"]', b"[true]", b"[null]", b"[[[1]]]", b'[{"a": 1}]'),  # no numbers
        *(b"[NaN]", b"[Infinity]", b"[1e999]", b"[1e101]", b"[" + b"9" * 5000 + b"]"),  # out of reach
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
def test_what_is_no_batch_of_numbers_is_refused(body):
    with pytest.raises(RefusedError) as refused:
        batch_sum(body)

    assert refused.value.status == 422


@pytest.fixture(params=["own", "folder", "bucket"])
def sums(request, s3):
    if request.param == "own":
        return OwnSums()
    return SharedSums(s3, bucket="sums", prefix="of/jobs" if request.param == "folder" else "")


def test_a_batch_that_is_delivered_twice_counts_once(sums):
    for batch, value in [("0-0", 5), ("0-1", 7), ("0-0", 5)]:
        sums.keep("1" * 16, batch, value)
    sums.keep("2" * 16, "0-0", 100)

    assert sums.total("1" * 16) == {"total": 12, "batches": 2}
    assert sums.total("3" * 16) == {"total": 0, "batches": 0}


def test_workers_that_share_a_folder_add_up_to_one_total_that_is_written_there(s3):
    one, other = (SharedSums(s3, bucket="sums", prefix="of/jobs") for _ in range(2))
    one.keep("job", "0-0", 1)
    other.keep("job", "1-0", 2)

    assert other.total("job") == one.total("job") == {"total": 3, "batches": 2}
    written = s3.get_object(Bucket="sums", Key="of/jobs/job/total.json")["Body"].read()
    assert json.loads(written) == {"total": 3, "batches": 2}


@pytest.mark.parametrize(
    ("written", "prefix"),
    [
        ("s3://sums", ""),
        ("s3://sums/", ""),
        ("s3://sums/of/jobs", "of/jobs/"),
        ("s3://sums/of/jobs/", "of/jobs/"),
    ],
)
def test_the_folder_in_the_jobs_config_may_end_with_a_slash(s3, written, prefix):
    sums_of({"config": {"dest_s3_dir": written}}, s3=s3, own=OwnSums()).keep("job", "0-0", 1)

    assert keys_in(s3, "sums") == [f"{prefix}job/sums/0-0.json"]


@pytest.mark.parametrize("spec", [{}, {"config": {}}, {"config": {"other": 1}}])
def test_a_job_that_names_no_folder_is_summed_in_the_container(spec):
    own = OwnSums()

    assert sums_of(spec, s3=None, own=own) is own


@pytest.mark.parametrize("written", ["", "sums", "https://sums", "s3://", "s3://UPPER/x", 5, ["s3://sums"]])
def test_a_folder_that_is_none_is_refused_with_its_name(written):
    with pytest.raises(RefusedError, match=r"config\.dest_s3_dir must be s3://bucket/folder") as refused:
        sums_of({"config": {"dest_s3_dir": written}}, s3=None, own=OwnSums())

    assert refused.value.status == 422
