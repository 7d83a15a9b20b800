"""What a caller may send, and what is told of what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch import submission
from penstock.batch.errors import DeadLetterQueueNotAllowed, InputBucketNotAllowed, InvalidSubmission
from penstock.batch.lines import MOST_ITEM_BYTES
from penstock.batch.spec import DeadLetterQueue, JobSpec, OnBadItem, Source, SourceKind
from penstock.catalogue import ApiEntry
from penstock.errors import InvalidBody, PenstockError
from penstock.kinds import Kind

ARN = "arn:aws:sqs:eu-central-1:111122223333:lost.fifo"
API = ApiEntry(
    name="sum-batch",
    endpoint="sums",
    kind=Kind.BATCH,
    timeout_seconds=300,
    max_attempts=3,
    retention_seconds=3600,
    inline_result_bytes=0,
    input_buckets=("lists", "more"),
    dead_letter_queues=(ARN,),
)
LIST = {"item_list": {"items": [1, 2, 3], "batch_size": 2}}
FILES = {"s3_paths": ["s3://lists/a"], "batch_size": 10}
ONE_SOURCE = "Exactly one of item_list, file_path_lister, delimited_files says where the items come from"


def read(content: Any) -> submission.Submission:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return submission.read(body, API)


def refused(content: Any, error: type[PenstockError] = InvalidSubmission) -> str:
    with pytest.raises(error) as found:
        read(content)
    assert type(found.value) is error
    return str(found.value)


def test_a_list_with_everything_a_submission_may_have_is_read():
    read_ = read(
        {
            "workers": 4,
            "timeout": 7200,
            "config": {"model": "large", "nested": {"a": [1, 2.5, None]}},
            "sqs_dead_letter_queue": {"arn": ARN, "max_receive_count": 5},
            "results": True,
            **LIST,
        }
    )
    assert read_.spec == JobSpec(
        workers=4,
        timeout_seconds=7200,
        config={"model": "large", "nested": {"a": [1, 2.5, None]}},
        dead_letter_queue=DeadLetterQueue(arn=ARN, max_receive_count=5),
        results=True,
        source=Source(kind=SourceKind.ITEM_LIST, batch_size=2, items=3),
    )
    assert read_.items == ("1", "2", "3")
    assert JobSpec.from_json(read_.spec.to_json()) == read_.spec


def test_what_is_left_out_or_null_is_the_default():
    least = read({"workers": 1, **LIST})
    nothing = dict.fromkeys(
        ("timeout", "config", "dead_letter_queue", "sqs_dead_letter_queue", "results", "delimited_files")
    )
    assert read({"workers": 1, **nothing, **LIST}) == least
    assert (least.spec.timeout_seconds, least.spec.config, least.spec.results) == (None, {}, False)


@pytest.mark.parametrize(
    ("kind", "further", "expected"),
    [
        ("file_path_lister", {}, {}),
        ("file_path_lister", {"includes": ["**.jpg"], "excludes": []}, {"includes": ("**.jpg",)}),
        ("delimited_files", {"excludes": ["**/_*"]}, {"excludes": ("**/_*",)}),
        ("delimited_files", {"on_bad_item": "skip", "includes": None}, {"on_bad_item": OnBadItem.SKIP}),
    ],
    ids=["paths", "paths included", "lines excluded", "lines skipped"],
)
def test_files_are_read_with_their_patterns(kind, further, expected):
    source = read({"workers": 1, kind: FILES | further}).spec.source
    assert source == Source(
        kind=SourceKind(kind), batch_size=10, **({"s3_paths": ("s3://lists/a",)} | expected)
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"workers": 0}, "workers must be a whole number of at least 1, not 0."),
        ({"workers": -1}, "workers must be a whole number of at least 1, not -1."),
        ({"workers": "4"}, 'workers must be a whole number of at least 1, not "4".'),
        ({"workers": 1.0}, "workers must be a whole number of at least 1, not 1.0."),
        ({"workers": True}, "workers must be a whole number of at least 1, not true."),
        ({"workers": 10_001}, "workers must be at most 10000, not 10001."),
        ({"workers": None}, "workers is missing."),
        ({"timeout": 0}, "timeout must be a whole number of at least 1, not 0."),
        ({"timeout": 13 * 86400 + 1}, "timeout must be at most 1123200, not 1123201."),
        ({"config": []}, "config must be an object, not []."),
        ({"results": "yes"}, 'results must be true or false, not "yes".'),
        ({"item_list": []}, "item_list must be an object, not []."),
        ({"item_list": {"items": [], "batch_size": 1}},
         "item_list.items must have at least one element, not []."),
        ({"item_list": {"items": {}, "batch_size": 1}}, "item_list.items must be a list, not {}."),
        ({"item_list": {"items": [1]}}, "item_list.batch_size is missing."),
        ({"item_list": {"batch_size": 1}}, "item_list.items is missing."),
        ({"item_list": {"items": [1], "batch_size": 0}},
         "item_list.batch_size must be a whole number of at least 1, not 0."),
        ({"item_list": None}, f"{ONE_SOURCE}; none is given."),
        ({"file_path_lister": FILES}, f"{ONE_SOURCE}; item_list and file_path_lister are given."),
        ({"dead_letter_queue": {"arn": ARN}}, "dead_letter_queue.max_receive_count is missing."),
        ({"dead_letter_queue": {"arn": "", "max_receive_count": 1}},
         'dead_letter_queue.arn must be a string that is not empty, not "".'),
        ({"dead_letter_queue": {"arn": ARN, "max_receive_count": 81}},
         "dead_letter_queue.max_receive_count must be at most 80, not 81."),
        ({"dead_letter_queue": {"arn": ARN, "max_receive_count": 1},
          "sqs_dead_letter_queue": {"arn": ARN, "max_receive_count": 1}},
         "dead_letter_queue and sqs_dead_letter_queue are two names for one thing: give one of them."),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_each_fault_is_told_with_the_place_of_its_field(changes, text):
    assert refused({"workers": 1, **LIST, **changes}) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"s3_paths": []}, "s3_paths must have at least one element"),
        ({"s3_paths": ["s3://lists/a", "lists/b"]}, "s3_paths[1] must be s3://bucket, with"),
        ({"s3_paths": [7]}, "s3_paths[0] must be a string that is not empty, not 7."),
        ({"s3_paths": ["s3://lists/a"] * 1001}, "s3_paths has 1001 elements; at most 1000 are taken."),
        ({"s3_paths": ["s3://lists/\ud800"]}, "s3_paths[0] must not have half a character"),
        ({"includes": ["a", "[a"]}, "includes[1] is no pattern: a [ is not closed with ]."),
        ({"includes": ["a" * 501]}, "includes[0] is no pattern: it has 501 characters; at most 500"),
        ({"excludes": ["**", ""]}, 'excludes[1] must be a string that is not empty, not "".'),
        ({"excludes": ["a"] * 101}, "excludes has 101 elements; at most 100 are taken."),
        ({"excludes": "**"}, 'excludes must be a list, not "**".'),
        ({"includes": [[]]}, "includes[0] must be a string that is not empty, not []."),
        ({"includes": ["a" * 500] * 6, "excludes": ["a" * 500] * 6},
         "have 6000 characters together; at most 5000"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)  # fmt: skip
@pytest.mark.parametrize("kind", ["file_path_lister", "delimited_files"])
def test_each_fault_of_files_is_told_with_the_place_of_its_field(kind, changes, text):
    told = refused({"workers": 1, kind: FILES | changes})
    assert told.startswith(f"{kind}.")
    assert text in told


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"worker": 2}, "There is no worker. Did you mean workers?"),
        ({"Workers": 2}, "There is no Workers. Did you mean workers?"),
        (
            {"item_list": {"items": [1], "batchsize": 1}},
            "no item_list.batchsize. Did you mean item_list.batch_size?",
        ),
        ({"delimited_files": FILES | {"onbaditem": "skip"}}, "Did you mean delimited_files.on_bad_item?"),
        ({"file_path_lister": FILES | {"on_bad_item": "skip"}}, "There is no file_path_lister.on_bad_item."),
        ({"zzz": 1}, "There is no zzz. Known here: workers, timeout"),
        ({"x" * 1000: 1}, "There is no " + "x" * 60 + "."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_name_that_is_not_known_is_refused_with_the_nearest_one_that_is(content, text):
    assert text in refused({"workers": 1, **content})


@pytest.mark.parametrize("content", [[], "job", 7, None, True])
def test_a_submission_is_an_object(content):
    assert refused(content) == f"The submission must be an object, not {json.dumps(content)}."


@pytest.mark.parametrize("body", [b"", b"{", b"workers=1", b"\xff\xfe", b'{"workers": NaN}', b"[" * 100_000],
                         ids=lambda body: repr(body)[:20])  # fmt: skip
def test_what_is_no_json_at_all_is_no_submission(body):
    assert "this is no JSON" in refused(body, InvalidBody)


def test_no_depth_of_nesting_is_more_than_a_refusal():
    for depth in (*range(1, 120), *range(850, 1050)):
        deep = "[" * depth + "]" * depth
        for body in (
            f'{{"workers": 1, "config": {{"a": {deep}}}, "item_list": {{"items": [1], "batch_size": 1}}}}',
            f'{{"workers": 1, "item_list": {{"items": [{deep}], "batch_size": 1}}}}',
        ):
            try:
                found = submission.read(body.encode(), API)
            except (InvalidBody, InvalidSubmission) as error:
                assert "nested" in str(error)  # noqa: PT017 - most depths are taken
                assert depth >= submission.MOST_CONFIG_NESTING
            else:
                assert JobSpec.from_json(found.spec.to_json()) == found.spec


def test_brackets_in_text_are_no_nesting():
    config = {"pattern": '["[' * 200}
    assert read({"workers": 1, "config": config, **LIST}).spec.config == config


def test_buckets_and_queues_that_the_api_does_not_list_are_refused_with_the_key_to_list_them_under():
    path = "s3://secrets/a"
    told = refused(
        {"workers": 1, "file_path_lister": FILES | {"s3_paths": ["s3://lists", path]}}, InputBucketNotAllowed
    )
    assert "file_path_lister.s3_paths[1]" in told
    assert "input_buckets" in told
    queue = {"arn": f"{ARN}x", "max_receive_count": 1}
    told = refused({"workers": 1, **LIST, "dead_letter_queue": queue}, DeadLetterQueueNotAllowed)
    assert "dead_letter_queue.arn" in told
    assert "dead_letter_queues" in told


def test_an_item_may_have_a_mebibyte_and_not_a_byte_more():
    item = "ü" * (MOST_ITEM_BYTES // 2 - 1)
    body = json.dumps({"workers": 1, "item_list": {"items": [1, item], "batch_size": 1}}, ensure_ascii=False)
    assert len(read(body.encode()).items[1].encode()) == MOST_ITEM_BYTES
    told = refused(body.replace('ü"', 'üx"').encode())
    assert told.startswith("item_list.items[1] has 1048577 bytes; an item has at most 1048576.")


def test_a_config_may_have_64_kib_and_not_a_byte_more():
    for length, fits in ((submission.MOST_CONFIG_BYTES - 8, True), (submission.MOST_CONFIG_BYTES - 7, False)):
        body = json.dumps({"workers": 1, "config": {"a": "x" * length}, **LIST}, separators=(",", ":"))
        if fits:
            assert read(body.encode()).spec.config == {"a": "x" * length}
        else:
            assert refused(body.encode()) == "config has 65537 bytes; at most 65536 are taken."


@pytest.mark.parametrize(("number", "text"), [("1e999", "the number 1e999"), ("9" * 4301, "4301 digits")],
                         ids=["infinite", "long"])  # fmt: skip
def test_a_number_that_a_container_could_not_read_is_refused_in_a_config_and_kept_in_an_item(number, text):
    listed = b'"item_list": {"items": [%s], "batch_size": 1}' % number.encode()
    assert text in refused(b'{"workers": 1, "config": {"a": %s}, %s}' % (number.encode(), listed))
    assert read(b'{"workers": 1, %s}' % listed).items == (number,)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(json_values, min_size=1, max_size=6),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\r\n\t", " : ")]),
    st.booleans(),
)
def test_items_arrive_as_they_were_sent_a_line_each(items, indent, separators, ascii_only):
    text = json.dumps(
        {"item_list": {"batch_size": 1, "items": items}, "workers": 1},
        indent=indent, separators=separators, ensure_ascii=ascii_only,
    )  # fmt: skip
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return
    lines = read(body).items
    assert [json.loads(line) for line in lines] == items
    assert not any("\n" in line or "\r" in line for line in lines)


words = st.sampled_from(
    ["workers", "timeout", "config", "item_list", "items", "batch_size", "file_path_lister", "s3_paths",
     "includes", "delimited_files", "on_bad_item", "dead_letter_queue", "arn", "max_receive_count", "results",
     "s3://lists/a", "skip", ARN, "**", "", "x"]
)  # fmt: skip
leaves = words | st.none() | st.booleans() | st.integers(-1, 3) | st.floats(allow_nan=False)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
    max_leaves=15,
)


@given(anything)
def test_whatever_is_sent_it_is_a_submission_or_refused_with_a_reason(content):
    try:
        read_ = read(content)
    except PenstockError as error:
        told = error
    else:
        assert JobSpec.from_json(read_.spec.to_json()) == read_.spec
        return
    assert 400 <= told.status < 500
    assert str(told).endswith(".")
