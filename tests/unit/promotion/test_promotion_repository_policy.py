from __future__ import annotations

import json

import pytest

from penstock.promotion.repository_policy import PULL, lets_pull, statement

ACCOUNT = "444455556666"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, actions=PULL, **more):
    return {"Effect": "Allow", "Principal": principal, "Action": actions, **more}


@pytest.mark.parametrize(
    "statements",
    [
        [statement(ACCOUNT)],
        [allow({"AWS": [ROOT, "arn:aws:iam::1:root"]})],
        [allow({"AWS": ACCOUNT}, "ecr:*")],
        [allow("*", [action.lower() for action in PULL])],
        [allow({"AWS": ROOT}, PULL[0]), allow({"AWS": ROOT}, [PULL[1]])],
    ],
    ids=["ours", "among others", "all actions", "everybody", "two statements"],
)
def test_an_account_that_the_policy_names_may_pull(statements):
    assert lets_pull(policy(*statements), ACCOUNT)


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [allow({"AWS": "arn:aws:iam::999988887777:root"})],
        [allow({"AWS": ROOT}, PULL[0])],
        [statement(ACCOUNT) | {"Effect": "Deny"}],
        [allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})],
        [allow({"AWS": f"arn:aws:iam::{ACCOUNT}:role/deployer"})],
        [allow({"Service": "lambda.amazonaws.com"})],
    ],
    ids=["nothing", "another account", "half", "denied", "under a condition", "one role", "a service"],
)
def test_an_account_that_it_does_not_name_for_all_of_it_may_not(statements):
    assert not lets_pull(policy(*statements), ACCOUNT)


def test_a_repository_without_a_policy_lets_nobody_else_pull():
    assert not lets_pull(None, ACCOUNT)
