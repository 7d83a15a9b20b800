from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.config import UpdateStrategy
from penstock.config.update_strategy import Percentages

shares = st.integers(0, 100).map(lambda number: f"{number}%")


def strategy(**keys: object) -> UpdateStrategy:
    return UpdateStrategy.model_validate(keys)


def test_without_a_word_all_new_replicas_start_beside_the_old():
    assert strategy().percentages(fewest=0, most=100) == Percentages(minimum_healthy=100, maximum=200)


def test_replacing_never_has_one_too_many_and_may_have_none():
    assert strategy(mode="replace").percentages(fewest=0, most=8) == Percentages(
        minimum_healthy=0, maximum=100
    )


@pytest.mark.parametrize("fewest", [0, 1])
def test_cortexs_default_is_refused_where_a_quarter_is_no_whole_replica(fewest):
    with pytest.raises(ValueError, match=r'at least "100%", or min_replicas at least 4'):
        strategy(max_surge="25%", max_unavailable="25%").percentages(fewest=fewest, most=20)


def test_cortexs_default_is_taken_where_a_quarter_is_at_least_one():
    assert strategy(max_surge="25%", max_unavailable="25%").percentages(fewest=4, most=20) == Percentages(
        minimum_healthy=75, maximum=125
    )


@given(surge=shares, unavailable=shares, fewest=st.integers(0, 30), more=st.integers(0, 300))
def test_a_deployment_that_is_accepted_can_go_on_at_any_number_of_replicas(surge, unavailable, fewest, more):
    most = max(1, fewest + more)
    try:
        found = strategy(max_surge=surge, max_unavailable=unavailable).percentages(fewest=fewest, most=most)
    except ValueError:
        return
    for desired in {max(1, fewest), most}:
        keeps, allows = math.ceil(desired * found.minimum_healthy / 100), desired * found.maximum // 100
        assert allows > desired or keeps < desired


@given(replicas=st.integers(1, 100), data=st.data())
def test_numbers_of_a_fixed_number_of_replicas_are_exact(replicas, data):
    surge, unavailable = data.draw(
        st.tuples(st.integers(0, replicas), st.integers(0, replicas)).filter(any), label="numbers"
    )
    found = strategy(max_surge=surge, max_unavailable=unavailable).percentages(fewest=replicas, most=replicas)
    assert replicas * found.maximum // 100 - replicas == surge
    assert replicas - math.ceil(replicas * found.minimum_healthy / 100) == unavailable


@pytest.mark.parametrize(("replicas", "number"), [(3, 4), (250, 1)])
def test_a_number_that_no_share_hits_is_refused(replicas, number):
    with pytest.raises(ValueError, match="no whole one of"):
        strategy(max_surge=number).percentages(fewest=replicas, most=replicas)
