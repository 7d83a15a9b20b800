"""The fields of a submission, each of which can say what is wrong with it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from penstock.batch import raw_json
from penstock.batch.errors import InvalidSubmission
from penstock.batch.raw_json import NumberTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST_SHOWN = 60


class Field:
    """A value of a submission, and its place there, such as ``item_list.batch_size``."""

    def __init__(self, place: str, raw: str) -> None:
        self.place = place
        self.raw = raw

    def whole(self, *, most: int) -> int:
        """A whole number, from 1."""
        found = self._value()
        # A bool is an int to Python, and to nobody else.
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            raise self.wrong("must be a whole number of at least 1")
        if found > most:
            raise self.wrong(f"must be at most {most}")
        return found

    def flag(self) -> bool:
        """True or false."""
        found = self._value()
        if not isinstance(found, bool):
            raise self.wrong("must be true or false")
        return found

    def text(self) -> str:
        """Some text; not empty, and such that it can be written down."""
        found = self._value()
        if not isinstance(found, str) or not found:
            raise self.wrong("must be a string that is not empty")
        if any("\ud800" <= character <= "\udfff" for character in found):
            raise self.wrong("must not have half a character")
        return found

    def choice(self, known: Sequence[str]) -> str:
        """One of these words."""
        found = self._value()
        if found not in known:
            raise self.wrong(f"must be one of {', '.join(known)}")
        return str(found)

    def object(self) -> Mapping[str, Any]:
        """An object with any members."""
        if not self.raw.startswith("{"):
            raise self.wrong("must be an object")
        found: Mapping[str, Any] = self._value()
        return found

    def elements(self, *, most: int | None = None) -> list[Field]:
        """The elements of a list that is not empty."""
        if not self.raw.startswith("["):
            raise self.wrong("must be a list")
        raws = raw_json.elements(self.raw)
        if not raws:
            raise self.wrong("must have at least one element")
        if most is not None and len(raws) > most:
            raise InvalidSubmission(f"{self.place} has {len(raws)} elements; at most {most} are taken.")
        return [Field(f"{self.place}[{number}]", raw) for number, raw in enumerate(raws)]

    def section(self, known: Sequence[str]) -> Section:
        """An object with these members."""
        if not self.raw.startswith("{"):
            raise self.wrong("must be an object")
        return Section(self.place, self.raw, known)

    def wrong(self, demand: str) -> InvalidSubmission:
        """The error that the value is not what is demanded."""
        text = raw_json.one_line(self.raw)
        shown = text[:_LONGEST_SHOWN] + "…" * (len(text) > _LONGEST_SHOWN)
        return InvalidSubmission(f"{self.place or 'The submission'} {demand}, not {shown}.")

    def _value(self) -> Any:
        try:
            return raw_json.value(self.raw)
        except NumberTooLarge as error:
            raise InvalidSubmission(f"{self.place} has {error}, which is too large.") from error


class Section:
    """An object of a submission, whose members are known; one that is null counts as left out."""

    def __init__(self, place: str, raw: str, known: Sequence[str]) -> None:
        self._place = place
        members = raw_json.members(raw)
        self._known = known
        if unknown := sorted(members.keys() - set(known)):
            raise InvalidSubmission(self._unknown(unknown[0]))
        self._members = {name: text for name, text in members.items() if text != "null"}

    def get(self, name: str) -> Field | None:
        """The member of that name, if it is there."""
        return Field(self._path(name), self._members[name]) if name in self._members else None

    def need(self, name: str) -> Field:
        """The member of that name."""
        found = self.get(name)
        if found is None:
            raise InvalidSubmission(f"{self._path(name)} is missing.")
        return found

    def given(self, names: Sequence[str]) -> list[Field]:
        """Those of these members that are there."""
        return [field for field in map(self.get, names) if field is not None]

    def _path(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name, self._known, n=1)
        meant = f" Did you mean {self._path(near[0])}?" if near else ""
        known = ", ".join(self._known)
        return f"There is no {self._path(name[:_LONGEST_SHOWN])}.{meant} Known here: {known}."
