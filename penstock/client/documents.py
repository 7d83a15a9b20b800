"""Reads JSON objects that someone else wrote, without trusting any of their members."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_Value = TypeVar("_Value", str, int, dict[str, Any], list[Any])


class Malformed(ValueError):
    """The document is not what it should be; the text completes "it did not answer as expected:"."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object. All methods raise Malformed, naming the member that is missing or wrong."""

    members: Mapping[str, Any]

    @classmethod
    def parse(cls, content: bytes) -> Document:
        """The object in these bytes."""
        try:
            members = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Malformed("the body is not JSON") from error
        if not isinstance(members, dict):
            raise Malformed("the body is no JSON object")
        return cls(members)

    def required(self, name: str, kind: type[_Value]) -> _Value:
        """A member that every such document has."""
        value = self.optional(name, kind)
        if value is None:
            raise Malformed(f'"{name}" is missing')
        return value

    def optional(self, name: str, kind: type[_Value]) -> _Value | None:
        """A member that may be absent or null."""
        value = self.members.get(name)
        if value is None:
            return None
        # True is an int to Python, but never a count or a size.
        if not isinstance(value, kind) or isinstance(value, bool):
            raise Malformed(f'"{name}" is not of type {kind.__name__}')
        return value

    def documents(self, name: str) -> list[Document]:
        """A list of objects that every such document has."""
        values = self.members.get(name)
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise Malformed(f'"{name}" is no list of objects')
        return [Document(value) for value in values]

    def seconds(self, name: str) -> float | None:
        """A duration that may be absent or null."""
        value = self.members.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Malformed(f'"{name}" is no number')
        try:
            return float(value)
        except OverflowError as error:
            raise Malformed(f'"{name}" is too large') from error

    def moment(self, name: str) -> datetime | None:
        """A point in time that may be absent or null; RFC 3339, so never without an offset."""
        text = self.optional(name, str)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise Malformed(f'"{name}" is no time') from error
        if moment.tzinfo is None:
            raise Malformed(f'"{name}" has no time zone')
        return moment
