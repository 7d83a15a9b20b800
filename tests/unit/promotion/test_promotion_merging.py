from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.config.positions import read
from penstock.config.writing import dump
from penstock.promotion.merging import merged

VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
    | st.sampled_from(
        ["no", "1:30", "0o17", "010", "~", "", "1e3", ".inf", "2026-01-01", "=", "<<", "0x1f", "y"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "no", "1", "true", "~", "x y"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_the_targets_own_values_win_and_the_others_are_carried():
    carried = {"timeout": "5m", "autoscaling": {"min_replicas": 1, "max_replicas": 2}}
    own = {"autoscaling": {"max_replicas": 50}, "webhook": {"url": "https://a.example"}}

    assert merged(carried, own) == {
        "timeout": "5m",
        "autoscaling": {"min_replicas": 1, "max_replicas": 50},
        "webhook": {"url": "https://a.example"},
    }


def test_lists_of_named_things_are_merged_by_name_in_the_order_of_the_source():
    carried = [{"name": "a", "env": {"X": "1"}}, {"name": "b", "env": {"X": "2"}}]
    own = [{"name": "b", "env": {"Y": "3"}}, {"name": "c"}]

    assert merged(carried, own) == [
        {"name": "a", "env": {"X": "1"}},
        {"name": "b", "env": {"X": "2", "Y": "3"}},
        {"name": "c"},
    ]


def test_any_other_list_is_the_targets_as_a_whole():
    assert merged({"buckets": ["a", "b"]}, {"buckets": ["c"]}) == {"buckets": ["c"]}
    assert merged([{"name": "a"}], []) == []


@given(VALUES, VALUES)
def test_nothing_that_the_target_says_is_lost(carried, own):
    assert json.dumps(merged(carried, {})) == json.dumps(carried if isinstance(carried, dict) else {})
    if not isinstance(own, dict | list):
        assert merged(carried, own) == own or own != own  # noqa: PLR0124 - a float may be no number


@given(st.dictionaries(st.sampled_from(["a", "b", "on", "12"]), VALUES, min_size=1, max_size=3))
def test_what_is_written_as_yaml_is_read_as_the_same_data(data):
    document = read(dump(data))

    assert document.findings == ()
    assert document.data == data
