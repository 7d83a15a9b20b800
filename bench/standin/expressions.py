"""DynamoDB's condition and update expressions, as far as ``penstock.aws`` writes them.

Values stay in wire form (``{"S": "x"}``). Anything unknown is an error, never a guess: a bench
whose conditions are judged wrongly measures another program.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Item = dict[str, Any]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[()=<>,]|[#:\w.]+)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_VERBS = frozenset({"SET", "ADD", "REMOVE"})


class Unsupported(Exception):
    """An expression beyond what the stand-in knows: teach it, or the bench cannot run."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the placeholders of one call stand for."""

    names: Mapping[str, str]
    values: Mapping[str, Any]


def holds(text: str | None, scope: Scope, item: Item | None) -> bool:
    """Whether a condition holds; a missing item has no attributes."""
    return text is None or _Condition(text, scope, item or {}).judge()


def updated(text: str, scope: Scope, item: Item) -> Item:
    """The item after an update expression."""
    changed = dict(item)
    verb = ""
    for part in _clauses(text):
        if part[0] in _VERBS:
            verb = part[0]
            part = part[1:]  # noqa: PLW2901 - the verb leads the first of its parts
        _APPLY[verb](changed, part, scope)
    return changed


def _set(item: Item, part: tuple[str, ...], scope: Scope) -> None:
    name, equals, value = part
    if equals != "=":
        raise Unsupported(f"SET {part}")
    item[scope.names.get(name, name)] = scope.values[value]


def _add(item: Item, part: tuple[str, ...], scope: Scope) -> None:
    name, value = scope.names.get(part[0], part[0]), scope.values[part[1]]
    before = item.get(name, {"N": "0"})
    item[name] = {"N": str(Decimal(before["N"]) + Decimal(value["N"]))}


def _remove(item: Item, part: tuple[str, ...], scope: Scope) -> None:
    item.pop(scope.names.get(part[0], part[0]), None)


_APPLY: Mapping[str, Callable[[Item, tuple[str, ...], Scope], None]] = {
    "SET": _set,
    "ADD": _add,
    "REMOVE": _remove,
}


class _Condition:
    """Evaluates ``OR`` over ``AND`` over comparisons and ``attribute_(not_)exists``."""

    def __init__(self, text: str, scope: Scope, item: Item) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._scope = scope
        self._item = item

    def judge(self) -> bool:
        result = self._either()
        if self._at != len(self._tokens):
            raise Unsupported(f"condition {self._tokens} after {self._at} tokens")
        return result

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _met(self, word: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == word
        self._at += found
        return found

    def _either(self) -> bool:
        result = self._both()
        while self._met("OR"):
            # No short cut: the right side's tokens must be consumed.
            result = self._both() | result
        return result

    def _both(self) -> bool:
        result = self._term()
        while self._met("AND"):
            result = self._term() & result
        return result

    def _term(self) -> bool:
        if self._met("("):
            result = self._either()
            self._expect(")")
            return result
        word = self._next()
        if word in {"attribute_exists", "attribute_not_exists"}:
            self._expect("(")
            found = self._value(self._next()) is not None
            self._expect(")")
            return found is (word == "attribute_exists")
        return self._comparison(self._value(word))

    def _comparison(self, left: Any) -> bool:
        compare = self._next()
        right = self._value(self._next())
        if compare not in _COMPARE:
            raise Unsupported(f"operator {compare}")
        if left is None or right is None or left.keys() != right.keys():
            return False  # as DynamoDB: a missing attribute and another type satisfy nothing
        return _COMPARE[compare](_comparable(left), _comparable(right))

    def _expect(self, word: str) -> None:
        if not self._met(word):
            raise Unsupported(f"condition {self._tokens}: no {word!r} at {self._at}")

    def _value(self, word: str) -> Any:
        if word.startswith(":"):
            return self._scope.values[word]
        found: Any = {"M": self._item}
        for step in word.split("."):
            name = self._scope.names.get(step, step)
            found = found["M"].get(name) if found and "M" in found else None
        return found


def _comparable(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content


@lru_cache(maxsize=512)
def _tokens(text: str) -> tuple[str, ...]:
    found = tuple(_TOKEN.findall(text))
    if "".join(found) != re.sub(r"\s+", "", text):
        raise Unsupported(text)
    return found


@lru_cache(maxsize=512)
def _clauses(text: str) -> tuple[tuple[str, ...], ...]:
    parts: list[list[str]] = []
    for word in _tokens(text):
        if word in _VERBS:
            parts.append([word])
        elif word == ",":
            parts.append([])
        else:
            parts[-1].append(word)
    return tuple(tuple(part) for part in parts)
