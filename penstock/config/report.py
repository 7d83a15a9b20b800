"""Pydantic's errors in plain language, at their lines, with the nearest valid key."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from penstock.config import cortex
from penstock.config.apis import SECTIONS
from penstock.config.capacity import CAPACITIES
from penstock.config.deployment import Config
from penstock.config.errors import Problem
from penstock.config.findings import Finding
from penstock.config.section import Section
from penstock.config.wording import dotted, shown
from penstock.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from penstock.config.positions import Document
    from penstock.config.wording import Place

#: Keys that exist in one place and not in another that looks alike, by the name of the place.
_ELSEWHERE = {
    ("readiness_probe", "exec"): (
        "is for a liveness_probe only: readiness is asked for by the dequeuer, from its own container, "
        "where it cannot run a command in yours; use http_get or tcp_socket"
    ),
}

#: Why a key of the one kind can be none of the other, where that is no matter of course.
_REASONS = {
    "update_strategy": "its workers run for one job, which keeps the revision that it began with",
}

_ARTICLES: dict[str, str] = {
    Kind.ASYNC: "an AsyncAPI",
    Kind.BATCH: "a BatchAPI",
    **{kind: f"kind: {kind}" for kind in CAPACITIES},
}

#: Maps that are what their ``kind`` says.
_FAMILIES: tuple[Mapping[str, type[Section]], ...] = (SECTIONS, CAPACITIES)

# By pydantic's type of error; {shown} is the value, the other names are the error's own context.
_MESSAGES = {
    "bool_type": "must be true or false, not {shown}",
    "dict_type": "must be a map of keys and values, not {shown}",
    "enum": "must be {expected}, not {shown}",
    "extra_forbidden": "is not a key that exists here",
    "finite_number": "must be a finite number",
    "float_type": "must be a number, not {shown}",
    "greater_than": "must be above {gt}, not {shown}",
    "greater_than_equal": "must be at least {ge}, not {shown}",
    "int_type": "must be a whole number, not {shown}",
    "less_than": "must be below {lt}, not {shown}",
    "less_than_equal": "must be at most {le}, not {shown}",
    "mapping_type": "must be a map of keys and values, not {shown}",
    "missing": "is required",
    "model_type": "must be a map of keys and values, not {shown}",
    "path_type": "must be the path of a folder, not {shown}",
    "rule": "{reason}",
    "string_type": "must be text, not {shown}; numbers, true and false become text in quotes",
    "tuple_type": "must be a list, not {shown}",
    "value_error": "{error}",
}


def findings(error: ValidationError) -> Iterator[Finding]:
    """Translate all that pydantic found."""
    for details in error.errors(include_url=False):
        # Says only that another field, reported itself, is wrong.
        if details["type"] == "default_factory_not_called":
            continue
        place, message = details["loc"], _message(details)
        suggestion = details.get("ctx", {}).get("suggestion")
        if details["type"] == "extra_forbidden":
            message, suggestion = _unknown_key(place, message)
        elif place[-1:] == ("[key]",):
            # Pydantic marks an error of a map's key, rather than of its value, by one more part.
            place = place[:-1]
        yield Finding(_without_kind(place), message, suggestion)


def problems(found: Iterable[Finding], document: Document, *, file: Path) -> tuple[Problem, ...]:
    """Give findings their lines, in the order of the file, each once.

    A value that the YAML itself does not give, as of a key without one, is not reported again for
    not being a valid value.
    """
    # Findings with a line of their own are about a key, and leave a value beside them.
    broken = {finding.path for finding in document.findings if finding.line is None}
    consequences = (finding for finding in found if finding.path not in broken)
    reported = {
        Problem(
            file=file,
            line=finding.line or document.line(finding.path),
            path=dotted(finding.path),
            message=finding.message,
            suggestion=finding.suggestion,
        ): None
        for finding in (*document.findings, *consequences)
    }
    return tuple(sorted(reported, key=lambda problem: problem.line))


def _message(details: ErrorDetails) -> str:
    template = _MESSAGES.get(details["type"])
    if template is None:
        return details["msg"]
    # A field of type float has limits such as 1.0, which nobody writes.
    context = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in details.get("ctx", {}).items()
    }
    return template.format(**context, shown=shown(details["input"]))


def _unknown_key(place: Place, message: str) -> tuple[str, str | None]:
    key = str(place[-1])
    if key in cortex.REPLACEMENTS:
        return f"is a key of Cortex's that Penstock does not have: {cortex.REPLACEMENTS[key]}", None
    kind = str(place[-2]) if len(place) > 1 else ""
    if (kind, key) in _ELSEWHERE:
        return _ELSEWHERE[kind, key], None
    for family in _FAMILIES:
        owners = [_ARTICLES[other] for other, section in family.items() if key in _named(section)]
        if kind in family and owners:
            reason = f": {_REASONS[key]}" if key in _REASONS else ""
            return f"is a key of {' and '.join(owners)}, not of {_ARTICLES[kind]}{reason}", None
    near = get_close_matches(key, _keys(place[:-1]), n=1)
    return message, near[0] if near else None


def _without_kind(place: Place) -> Place:
    """A place in the file: pydantic adds the kind behind each map that is what its kind says."""
    match place:
        case ("apis", int(index), str(kind), "capacity", str(capacity), *inner) if capacity in CAPACITIES:
            return _without_kind(("apis", index, kind, "capacity", *inner))
        case ("apis", int(index), str(kind), *inner) if kind in SECTIONS:
            return "apis", index, *inner
        case _:
            return place


def _keys(place: Place) -> list[str]:
    section: type[Section] = Config
    for part in place:
        # An entry of ``apis`` is followed by its kind, and so is ``capacity``.
        of_kind = next((family[str(part)] for family in _FAMILIES if part in family), None)
        field = _named(section).get(str(part))
        section = of_kind or (field and _section(field.annotation)) or section
    return list(_named(section))


def _named(section: type[Section]) -> dict[str, FieldInfo]:
    """Fields by the names that they have in the file."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _section(annotation: Any) -> type[Section] | None:
    """Return the section in an annotation such as ``tuple[Container, ...]`` or ``Probe | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section(part))), None)
