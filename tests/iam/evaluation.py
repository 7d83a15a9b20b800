"""What IAM decides from the policies of one role: explicit denial, then permission, else refusal.

Identity policies alone, in one account, with the operators that our policies use. An operator that is not
known here is an error, not a refusal: a test must not pass because a condition was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.cdk.templates import listed

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of AWS as IAM sees it."""

    action: str
    resource: str
    #: Condition keys; several values for those that have several.
    context: Mapping[str, str | list[str]] = field(default_factory=dict)


@cache
def _pattern(pattern: str, *, flags: int = 0) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), flags | re.DOTALL)


def like(value: str, pattern: str) -> bool:
    """Whether the value fits a pattern with ``*`` and ``?``."""
    return _pattern(pattern).fullmatch(value) is not None


def _action_fits(action: str, patterns: Iterable[str]) -> bool:
    return any(_pattern(pattern, flags=re.IGNORECASE).fullmatch(action) for pattern in patterns)


_SINGLE: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
}


def _holds(operator: str, values: list[str], wanted: list[str]) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        [expected] = wanted
        return (not values) == (expected == "true")
    fits = [any(_SINGLE[name](value, pattern) for pattern in wanted) for value in values]
    match quantifier:
        case "ForAllValues":
            return all(fits)
        case "ForAnyValue":
            return any(fits)
        case "":
            # A key that is not there fulfils none of these.
            return len(fits) == 1 and fits[0]
    raise AssertionError(operator)


def _conditions_hold(statement: Statement, call: Call) -> bool:
    return all(
        _holds(operator, listed(call.context.get(key, [])), [str(value) for value in listed(wanted)])
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def fits(statement: Statement, call: Call) -> bool:
    """Whether the statement is about the call."""
    assert not {"NotAction", "NotResource"} & statement.keys()
    return (
        _action_fits(call.action, listed(statement["Action"]))
        and any(like(call.resource, pattern) for pattern in listed(statement["Resource"]))
        and _conditions_hold(statement, call)
    )


def allows(statements: Iterable[Statement], call: Call) -> bool:
    """Whether a role with these statements may make the call."""
    about = [statement["Effect"] for statement in statements if fits(statement, call)]
    return "Allow" in about and "Deny" not in about
