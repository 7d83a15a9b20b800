"""JSON text cut into parts, each as it was written.

Reading a number and writing it again may change it (``1e2``, ``0.1000000000000000055``), and what is sent
for the container is none of our business. So only that is read which we must understand.
"""

from __future__ import annotations

import json
import math
import re
from json import JSONDecoder
from typing import Any, NoReturn

#: A line break and the indentation behind it. Within strings JSON has none, so this is between tokens.
_BREAK = re.compile(r"[\r\n][ \t\r\n]*")
_SPACE = re.compile(r"[ \t\r\n]*")
#: Brackets, and strings, in which they mean nothing.
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


class NotJson(ValueError):
    """The text is no JSON; says why, and where."""


class NumberTooLarge(ValueError):
    """A number is beyond what programs read; says which."""


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"{constant} is no number of JSON")


#: Reads a value for its shape alone. Numbers stay text: they are not looked at, and Python reads none of
#: more than 4,300 digits.
SHAPE = JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)


def checked(body: bytes) -> str:
    """The text of a body; ``NotJson`` if it is not one value of JSON in UTF-8.

    A byte order mark, which some editors write, is no part of it.
    """
    try:
        text = body.decode("utf-8-sig")
        SHAPE.decode(text)
    except UnicodeDecodeError as error:
        raise NotJson(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} in line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise NotJson("it is nested too deeply") from error
    return text


def members(text: str) -> dict[str, str]:
    """The members of an object that was checked, each as it was written; of equal names the last."""
    found: dict[str, str] = {}
    place = _after(text, 1)
    while text[place] != "}":
        name, place = SHAPE.raw_decode(text, place)
        start = _after(text, _after(text, place) + 1)
        _, end = SHAPE.raw_decode(text, start)
        found[name] = text[start:end]
        place = _behind_comma(text, end)
    return found


def elements(text: str) -> list[str]:
    """The elements of an array that was checked, each as it was written."""
    found: list[str] = []
    place = _after(text, 1)
    while text[place] != "]":
        _, end = SHAPE.raw_decode(text, place)
        found.append(text[place:end])
        place = _behind_comma(text, end)
    return found


def one_line(text: str) -> str:
    """The same value without line breaks."""
    return _BREAK.sub("", text)


def nesting(text: str) -> int:
    """How many levels of arrays and objects there are in text that was checked."""
    depth = deepest = 0
    for match in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        deepest = max(deepest, depth)
    return deepest


def value(text: str) -> Any:
    """What checked text says; ``NumberTooLarge``.

    Whole numbers are exact; others are as near as a double is.
    """
    return json.loads(text, parse_int=_whole, parse_float=_finite)


def _whole(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:
        raise NumberTooLarge(f"a number of {len(digits)} digits") from error


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NumberTooLarge(f"the number {digits[:40]}")
    return number


def _after(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    assert match is not None
    return match.end()


def _behind_comma(text: str, place: int) -> int:
    place = _after(text, place)
    return _after(text, place + 1) if text[place] == "," else place
