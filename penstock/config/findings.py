"""Rules that look at more than one value, reported together with the errors of each value.

Pydantic runs a model's own checks only when all of its fields are right. A duplicate name
would then stay hidden until every typo is corrected, so these rules read the raw data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.config.wording import Place

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place, before the place is known to have a line."""

    #: Keys and indexes from where the rule looks; from the top of the file once reported.
    path: Place
    message: str
    suggestion: str | None = None
    #: Set where the path alone would lead to another line, as for the second of two equal keys.
    line: int | None = None


def rejection(message: str, *, suggestion: str | None = None) -> PydanticCustomError:
    """Return the error to raise in a validator when there is a nearest right value to name."""
    # The template has one placeholder, so braces in a user's text are never taken for others.
    return PydanticCustomError("rule", "{reason}", {"reason": message, "suggestion": suggestion})


def validate_with(findings: Iterable[Finding], value: object, *, handler: Callable[[Any], Value]) -> Value:
    """Validate a value and report findings about it in the same error.

    Raises pydantic's ValidationError, whose locations are relative to the value.
    """
    details = [_reported(finding) for finding in findings]
    try:
        result = handler(value)
    except ValidationError as error:
        details += _details(error)
    if details:
        raise ValidationError.from_exception_data("configuration", details)
    return result


def rejected(findings: Iterable[Finding]) -> None:
    """Raise pydantic's ValidationError if there are findings; their places are relative to the value."""
    details = [_reported(finding) for finding in findings]
    if details:
        raise ValidationError.from_exception_data("configuration", details)


def one_of(data: object, *keys: str) -> Iterator[Finding]:
    """Find that a map has none, or more than one, of keys that exclude each other."""
    if not isinstance(data, Mapping):
        return
    given = [key for key in keys if key in data]
    if len(given) != 1:
        choice = " or ".join(f'"{key}"' for key in keys)
        yield Finding((), f"needs {choice}" if not given else f"must have only one of {choice}")


def each_once(value: Iterable[str], *, what: str) -> None:
    """Raise ValueError that names what a list has twice."""
    listed = list(value)
    twice = sorted({entry for entry in listed if listed.count(entry) > 1})
    if twice:
        raise ValueError(f"must list each {what} once: {', '.join(twice)}")


def entries(value: object) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the maps of a list with their indexes, and nothing from what is no list."""
    if isinstance(value, list | tuple):
        yield from ((index, entry) for index, entry in enumerate(value) if isinstance(entry, dict))


def _reported(finding: Finding) -> InitErrorDetails:
    reason = rejection(finding.message, suggestion=finding.suggestion)
    return InitErrorDetails(type=reason, loc=finding.path, input=None)


def _details(error: ValidationError) -> Iterator[InitErrorDetails]:
    for found in error.errors(include_url=False):
        context = {"reason": found["msg"], **found.get("ctx", {})}
        yield InitErrorDetails(
            type=PydanticCustomError(found["type"], "{reason}", context),
            loc=found["loc"],
            input=found["input"],
        )
