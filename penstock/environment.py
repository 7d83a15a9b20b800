"""Settings from environment variables, read once at start-up.

A dataclass states the variables: field ``max_attempts`` is read from ``PENSTOCK_MAX_ATTEMPTS``;
a field without a default is required. Lambdas use this too, so it stays in the standard library:
importing pydantic would add to every cold start.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "PENSTOCK_"

T = TypeVar("T")


class SettingsError(Exception):
    """One line for each variable that is missing or unusable, with its name."""


def read(settings: type[T], environ: Mapping[str, str]) -> T:
    """Build the settings dataclass from the environment; ``SettingsError`` names every bad variable.

    Fields may be ``str``, ``int``, or any type with a ``parse`` class method that takes the text
    and raises ``ValueError``.
    """
    values: dict[str, Any] = {}
    faults: list[str] = []
    types = get_type_hints(settings)
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]  # callers pass dataclasses
        name = PREFIX + field.name.upper()
        text = environ.get(name)
        if text is None:
            if field.default is dataclasses.MISSING:
                faults.append(f"{name} is not set")
            continue
        try:
            values[field.name] = _parser(types[field.name])(text)
        except ValueError as error:
            faults.append(f"{name}={text!r} is not usable: {error}")
    if faults:
        raise SettingsError("\n".join(faults))
    return settings(**values)


def _parser(kind: Any) -> Callable[[str], Any]:
    parser: Callable[[str], Any] = getattr(kind, "parse", kind)
    return parser
