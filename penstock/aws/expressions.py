"""Transitions as DynamoDB update expressions, and the answers read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from penstock import versions
from penstock.aws import items
from penstock.ports import Applied, Refused
from penstock.transitions import all_hold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.exceptions import ClientError

    from penstock.transitions import Checks, Transition

R = TypeVar("R")

CONDITION_FAILED = "ConditionalCheckFailedException"


class Placeholders:
    """Names and values of one expression: almost any word may be reserved in DynamoDB."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, field: str) -> str:
        """What stands for a field."""
        self.names[f"#{field}"] = field
        return f"#{field}"

    def value(self, value: Any) -> str:
        """What stands for a value."""
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = items.attribute(value)
        return placeholder


def update_arguments(table: str, key: items.Item, transition: Transition) -> dict[str, Any]:
    """Arguments of ``UpdateItem`` that carry out the transition in one conditional write.

    The condition fails on an item of a later version, and reading what it failed on says so.
    """
    placeholders = Placeholders()
    return {
        "TableName": table,
        "Key": key,
        "ConditionExpression": _condition(transition.allowed, placeholders),
        "UpdateExpression": _update(transition, placeholders),
        "ExpressionAttributeNames": placeholders.names,
        "ExpressionAttributeValues": placeholders.values,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def applied(answer: Mapping[str, Any]) -> Applied:
    """The answer of an update of a request that took effect."""
    return Applied(items.decode(answer["Attributes"]))


def refused(error: ClientError, achieved: Checks) -> Applied | Refused:
    """The answer of an update of a request whose condition failed; our own effect is success (R10)."""
    record = found(error, items.decode)
    return Applied(record) if record and all_hold(achieved, record) else Refused(record)


def found(error: ClientError, decode: Callable[[items.Item], R]) -> R | None:
    """The record on which a condition failed, as the failed call returned it."""
    item = error.response.get("Item")
    return decode(item) if item else None  # type: ignore[arg-type]  # botocore types it as object


def readable(placeholders: Placeholders) -> str:
    """The condition that an item is of no later version than this program's."""
    name = placeholders.name(items.VERSION)
    return f"(attribute_not_exists({name}) OR {name} <= {placeholders.value(versions.VERSION)})"


def version(placeholders: Placeholders) -> str:
    """The assignment that an item which is changed is of this program's version from then on."""
    return f"{placeholders.name(items.VERSION)} = {placeholders.value(versions.VERSION)}"


def _condition(alternatives: tuple[Checks, ...], placeholders: Placeholders) -> str:
    # In each alternative: around a single one DynamoDB would refuse a second pair of parentheses.
    ours = readable(placeholders)
    return " OR ".join(f"({_conjunction(checks, placeholders)} AND {ours})" for checks in alternatives)


def _conjunction(checks: Checks, placeholders: Placeholders) -> str:
    terms = [f"{placeholders.name(c.field)} {c.op} {placeholders.value(c.value)}" for c in checks]
    return " AND ".join(terms)


def _update(transition: Transition, placeholders: Placeholders) -> str:
    name, value = placeholders.name, placeholders.value
    clauses = {
        "SET": [
            *(f"{name(field)} = {value(new)}" for field, new in transition.assign.items()),
            version(placeholders),
        ],
        "ADD": [f"{name(field)} {value(amount)}" for field, amount in transition.add.items()],
        "REMOVE": [name(field) for field in sorted(transition.clear)],
    }
    return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)
