"""What roles really did while other tests ran, held against what they may: ``make test-iam``.

Runs last, by itself: its material is what the emulators of the tests before have noted.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.cdk.templates import listed
from tests.e2e import emulators
from tests.e2e.unused_rights import UNUSED
from tests.iam.evaluation import Call, fits

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

#: A stack, a construct and a hash, and what CloudFormation adds.
_ROLE = re.compile(r"penstock-[a-z0-9-]+?-(?P<construct>[A-Z]\w+?)[0-9A-F]{8}-\w+$")
#: The one role with a name of ours.
_SENDER = re.compile(r"penstock-[a-z0-9-]+-webhooks-[a-z0-9-]+$")


def construct(role: str) -> str | None:
    """Which of our roles it is, if it is one."""
    if _SENDER.match(role):
        return "WebhooksSenderRole"
    found = _ROLE.match(role)
    return found["construct"] if found else None


@dataclass(frozen=True)
class Deed:
    """A call that one of our roles made."""

    role: str
    call: Call
    allowed: bool


pytestmark = pytest.mark.enforcing_only


@pytest.fixture(scope="module")
def deeds(pytestconfig: pytest.Config) -> list[Deed]:
    records = emulators.decisions(pytestconfig).glob("*.jsonl")
    lines = [line for record in records for line in record.read_text().splitlines()]
    return list(_ours(map(json.loads, lines)))


def _ours(decisions: Iterator[dict[str, Any]]) -> Iterator[Deed]:
    for decision in decisions:
        name = decision["caller"].partition(":assumed-role/")[2].partition("/")[0]
        if role := construct(name):
            call = Call(decision["action"], decision["resource"], decision["context"])
            yield Deed(role, call, decision["allowed"])


def test_no_role_was_refused_anything_that_it_asked_for(deeds):
    assert deeds
    assert {(deed.role, deed.call.action, deed.call.resource) for deed in deeds if not deed.allowed} == set()


def test_each_right_was_used_or_is_known_not_to_be(stack, deeds):
    done = defaultdict(list)
    for deed in deeds:
        done[deed.role].append(deed.call)

    used: set[tuple[str, str]] = set()
    unused: set[tuple[str, str]] = set()
    for role, statement in _rights(stack):
        for action in listed(statement["Action"]):
            narrow = {**statement, "Action": action}
            happened = any(fits(narrow, call) for call in done[role] if call.action == action)
            (used if happened else unused).add((role, f"{action} on {kind(statement)}"))

    # Of several APIs' roles and of a role's several statements on alike resources, one is enough.
    excused = {(role, right) for known in UNUSED for role in known.roles for right in known.rights}
    assert unused - used - excused == set()
    assert excused - unused - used == set()  # what no role has needs no excuse


#: What a resource is, by its ARN; the first that fits.
_KINDS = {
    r":logs:": "log",
    r":sqs:.*-dlq\.fifo$": "dead letters",
    r":sqs:.*_": "job queue",
    r":sqs:.*-webhooks-unread$": "unread events",
    r":sqs:.*-webhooks-": "webhook queue",
    r":sqs:.*-batch-ends": "batch queue",
    r":sqs:.*:e2e-": "queue of the user's",
    r":sqs:": "queue",
    r":table/[^/]+/stream/": "stream",
    r":table/[^/]+/index/": "index",
    r":table/": "table",
    r":s3:::penstock-": "ours",
    r":s3:::": "bucket of the user's",
    r":lambda:": "function",
    r":role/": "role",
    r":task-definition/": "task definition",
    r":task/": "task",
    r":service/": "service",
    r":rule/": "rule",
    r":stateMachine:": "state machine",
    r":execution:": "execution",
    r":schedule/": "timer",
    r":secret:": "secret",
    r":execute-api:": "API",
    r":parameter/": "parameter",
    r":sns:": "topic",
    r"^\*$": "anything",
}


def kind(statement: dict[str, Any]) -> str:
    """What a right is on: a kind of resource, or partitions of the table."""
    keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
    if keys:
        return ", ".join(sorted({re.split("[#*]", key)[0] for key in listed(keys)}))
    resource = listed(statement["Resource"])[0]
    return next(name for shape, name in _KINDS.items() if re.search(shape, resource))


def _rights(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Permissions of all our roles, as they are deployed."""
    iam = stack.aws("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            ours = construct(role["RoleName"])
            if ours is None:
                continue
            for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
                for statement in document["Statement"]:
                    if statement["Effect"] == "Allow":
                        yield ours, statement
