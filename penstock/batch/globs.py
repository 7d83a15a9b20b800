r"""Patterns for names of objects, as Cortex has them: on the whole of ``s3://bucket/key``.

=============  ==========================================================
``*``          any characters but ``/``
``**``         any characters
``?``          one character but ``/``
``[abc]``      one of these; ``[!abc]`` any other
``[a-z]``      one of this range; ``[!a-z]`` any other
``{a,b}``      one of these patterns
``\*``         the character itself
=============  ==========================================================

A set is either some characters or one range, as in Cortex's library. Nothing is ever tried twice: all
ways through a pattern are followed at once, so the time is in proportion to the name's length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATOR = "/"

#: Longest pattern. The steps for one character of a name can be as many as a pattern has characters.
MOST_CHARACTERS = 500

#: Steps that are remembered for one pattern; ordinary ones take some dozens.
_MOST_REMEMBERED = 10_000

#: Braces within braces.
_MOST_NESTED = 10


class MalformedPattern(ValueError):
    """The text is no pattern; says why."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The characters that one step takes: those within ``ranges``, or all others."""

    ranges: tuple[tuple[str, str], ...]
    inverted: bool = False

    def takes(self, character: str) -> bool:
        """Whether the character is one of them."""
        return any(low <= character <= high for low, high in self.ranges) is not self.inverted


_ANY = Accepted((), inverted=True)
_WITHIN = Accepted(((SEPARATOR, SEPARATOR),), inverted=True)


@dataclass(slots=True)
class _Place:
    """A place within a pattern: what leads on from it, and where to."""

    steps: list[tuple[Accepted, int]] = field(default_factory=list)
    #: Places that are reached without a character.
    skips: list[int] = field(default_factory=list)


class Glob:
    """One pattern; ``MalformedPattern`` if it is none.

    Some of its places at once are a number with a bit for each.
    """

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MOST_CHARACTERS:
            raise MalformedPattern(f"it has {len(pattern)} characters; at most {MOST_CHARACTERS} are taken")
        places, last = _Reader(pattern).read()
        reached = [_reached(places, number) for number in range(len(places))]
        self._start, self._last = reached[0], 1 << last
        self._steps = [
            (1 << number, accepted, reached[target])
            for number, place in enumerate(places)
            for accepted, target in place.steps
        ]
        self._remembered: dict[tuple[int, str], int] = {}

    def matches(self, name: str) -> bool:
        """Whether the pattern is the whole name's."""
        here, known = self._start, self._remembered
        for character in name:
            there = known.get((here, character))
            here = self._step(here, character) if there is None else there
            if not here:
                return False
        return bool(here & self._last)

    def _step(self, here: int, character: str) -> int:
        there = 0
        for place, accepted, reached in self._steps:
            if here & place and accepted.takes(character):
                there |= reached
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[here, character] = there
        return there


def _reached(places: Sequence[_Place], start: int) -> int:
    """The places that are reached from one without a character, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        new = [place for place in places[waiting.pop()].skips if place not in found]
        found.update(new)
        waiting.extend(new)
    return sum(1 << place for place in found)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which names are taken: those of any include, or all if there is none, but of no exclude."""

    includes: Sequence[Glob]
    excludes: Sequence[Glob]

    @classmethod
    def of(cls, includes: Sequence[str], excludes: Sequence[str]) -> Filter:
        """From patterns; ``MalformedPattern``."""
        return cls([Glob(pattern) for pattern in includes], [Glob(pattern) for pattern in excludes])

    def takes(self, name: str) -> bool:
        """Whether this name is."""
        included = not self.includes or any(glob.matches(name) for glob in self.includes)
        return included and not any(glob.matches(name) for glob in self.excludes)


class _Reader:
    """From a pattern to its places."""

    def __init__(self, pattern: str) -> None:
        self._left = list(reversed(pattern))
        self._places = [_Place()]

    def read(self) -> tuple[list[_Place], int]:
        """All places, the first one first, and the number of the last."""
        return self._places, self._sequence(0, depth=0)

    def _sequence(self, start: int, *, depth: int) -> int:
        """Read up to the end, or to what ends an alternative; the place where it leads to."""
        here = start
        while self._left and not (depth and self._left[-1] in ",}"):
            match self._left.pop():
                case "*":
                    here = self._repeated(here)
                case "?":
                    here = self._one(here, _WITHIN)
                case "[":
                    here = self._one(here, self._set())
                case "{":
                    here = self._alternatives(here, depth=depth + 1)
                case character:
                    one = self._escaped(character)
                    here = self._one(here, Accepted(((one, one),)))
        return here

    def _repeated(self, here: int) -> int:
        accepted = _WITHIN
        while self._left and self._left[-1] == "*":
            self._left.pop()
            accepted = _ANY
        loop = self._new()
        self._places[here].skips.append(loop)
        self._places[loop].steps.append((accepted, loop))
        return loop

    def _one(self, here: int, accepted: Accepted) -> int:
        there = self._new()
        self._places[here].steps.append((accepted, there))
        return there

    def _alternatives(self, here: int, *, depth: int) -> int:
        if depth > _MOST_NESTED:
            raise MalformedPattern(f"more than {_MOST_NESTED} braces are within each other")
        there = self._new()
        while True:
            start = self._new()
            self._places[here].skips.append(start)
            self._places[self._sequence(start, depth=depth)].skips.append(there)
            if self._next("a { is not closed with }") == "}":
                return there

    def _set(self) -> Accepted:
        unclosed = "a [ is not closed with ]"
        inverted = bool(self._left) and self._left[-1] == "!"
        if inverted:
            self._left.pop()
        listed: list[str] = []
        while (character := self._next(unclosed)) != "]":
            if character == "-" and len(listed) == 1:
                return self._range(listed[0], inverted=inverted)
            listed.append(self._escaped(character))
        if not listed:
            raise MalformedPattern("a [] has no characters")
        return Accepted(tuple((one, one) for one in listed), inverted)

    def _range(self, low: str, *, inverted: bool) -> Accepted:
        high = self._next("a [ is not closed with ]")
        if self._next("a [ is not closed with ]") != "]":
            raise MalformedPattern(
                f"[{low}-{high} goes on: a set is one range, or characters; write {{[a-z],[0-9]}} for more"
            )
        if high < low:
            raise MalformedPattern(f"the range {low}-{high} runs backwards")
        return Accepted(((low, high),), inverted)

    def _escaped(self, character: str) -> str:
        return self._next("it ends with a single \\") if character == "\\" else character

    def _next(self, missing: str) -> str:
        if not self._left:
            raise MalformedPattern(missing)
        return self._left.pop()

    def _new(self) -> int:
        self._places.append(_Place())
        return len(self._places) - 1
