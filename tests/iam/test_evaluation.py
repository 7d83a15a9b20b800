"""The evaluator that the matrix rests on, against what AWS documents."""

from __future__ import annotations

import pytest

from tests.iam.evaluation import Call, allows, like

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/sum/*"}
LEADING = {
    "Effect": "Allow",
    "Action": ["dynamodb:GetItem"],
    "Resource": "table",
    "Condition": {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["REQ#sum#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    },
}


def get(*keys: str) -> Call:
    return Call("dynamodb:GetItem", "table", {"dynamodb:LeadingKeys": list(keys)} if keys else {})


def test_what_nobody_allows_is_refused():
    assert not allows([], Call("s3:GetObject", "arn:aws:s3:::b/sum/1"))


def test_what_is_allowed_and_denied_is_refused():
    deny = {**READ, "Effect": "Deny"}

    assert allows([READ], Call("s3:GetObject", "arn:aws:s3:::b/sum/1"))
    assert not allows([READ, deny], Call("s3:GetObject", "arn:aws:s3:::b/sum/1"))


def test_actions_know_no_case_and_resources_do():
    assert allows([READ], Call("S3:getobject", "arn:aws:s3:::b/sum/1"))
    assert not allows([READ], Call("s3:GetObject", "arn:aws:s3:::b/Sum/1"))


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("a*", "a", True),
        ("a*", "a/b:c", True),
        ("a?", "a", False),
        ("a?", "ab", True),
        ("a.c", "abc", False),
        ("[a]", "a", False),
    ],
)
def test_a_star_is_anything_and_a_question_mark_one_of_it(pattern, value, fits):
    assert like(value, pattern) == fits


def test_all_keys_of_a_call_must_fit_and_there_must_be_one():
    assert allows([LEADING], get("REQ#sum#1"))
    assert allows([LEADING], get("REQ#sum#1", "REQ#sum#2"))
    assert not allows([LEADING], get("REQ#sum#1", "REQ#sum-2#1"))
    assert not allows([LEADING], get())


def test_for_all_values_holds_for_a_call_without_any_if_nothing_else_is_asked():
    loose = {**LEADING, "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["REQ#sum#*"]}}}

    assert allows([loose], get())


def test_one_key_among_many_is_enough_to_deny():
    deny = {
        "Effect": "Deny",
        "Action": "dynamodb:GetItem",
        "Resource": "table",
        "Condition": {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["KEY#*"]}},
    }
    anything = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "table"}

    assert allows([anything, deny], get("REQ#sum#1"))
    assert not allows([anything, deny], get("REQ#sum#1", "KEY#1"))


def test_a_condition_on_a_key_that_is_not_there_does_not_hold():
    listing = {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "b",
        "Condition": {"StringLike": {"s3:prefix": ["sum/*"]}},
    }

    assert allows([listing], Call("s3:ListBucket", "b", {"s3:prefix": "sum/1"}))
    assert not allows([listing], Call("s3:ListBucket", "b"))


def test_an_operator_that_is_not_known_is_an_error():
    odd = {**READ, "Condition": {"NumericLessThan": {"s3:max-keys": "1"}}}

    with pytest.raises(KeyError):
        allows([odd], Call("s3:GetObject", "arn:aws:s3:::b/sum/1", {"s3:max-keys": "0"}))
