"""YAML 1.2's core schema on top of PyYAML, which speaks 1.1.

In YAML 1.1 ``no`` is false, ``1:30`` is 90 and ``010`` is 8. Editors that use our JSON Schema read
1.2, where all but the last are text and the last is ten; so does this module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from penstock.config.errors import Unreadable
from penstock.config.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable

#: No configuration nests deeper than ten; Python's stack ends at a few hundred.
DEEPEST_NESTING = 32

#: Values in the file, those that aliases repeat included. A hundred APIs have about 6,000.
MOST_VALUES = 20_000

_TAG = "tag:yaml.org,2002:"
NULL_TAG = f"{_TAG}null"

# Numbers of more digits stay text: turning digits into numbers and back takes quadratic time.
_SCALARS: dict[str, tuple[re.Pattern[str], str]] = {
    NULL_TAG: (re.compile("(?:~|null|Null|NULL|)$"), "~nN"),
    f"{_TAG}bool": (re.compile("(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"),
    f"{_TAG}int": (re.compile("(?:[-+]?[0-9]{1,20}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,16})$"), "-+0123456789"),
    f"{_TAG}float": (
        re.compile(
            r"(?:[-+]?(?:\.[0-9]{1,20}|[0-9]{1,20}(?:\.[0-9]{0,20})?)(?:[eE][-+]?[0-9]{1,3})?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        "-+.0123456789",
    ),
}


class CoreLoader(yaml.SafeLoader):
    """Composes nodes with the core schema's tags, and stops at nesting and sizes that nobody writes."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML types it so

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose as PyYAML does, unless that would end in a RecursionError or in minutes of work."""
        self._depth += 1
        self._values += 1
        if self._depth > DEEPEST_NESTING:
            raise Unreadable(f"nests deeper than {DEEPEST_NESTING} levels", line=self.line + 1)
        if self._values > MOST_VALUES:
            raise Unreadable(f"holds more than {MOST_VALUES} values", line=self.line + 1)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _register() -> None:
    for tag, (pattern, first_characters) in _SCALARS.items():
        # An empty first character stands for the empty scalar.
        first = [*first_characters, ""] if tag == NULL_TAG else list(first_characters)
        CoreLoader.add_implicit_resolver(tag, pattern, first)


_register()


def scalar(node: yaml.ScalarNode) -> Any:
    """Return what a scalar means: None, a bool, a number or text.

    Raises ValueError, with a message for the user, for a tag outside the core schema, for text that
    its explicit tag does not fit, and for escapes that make no characters.
    """
    text: str = node.value
    kind = node.tag.removeprefix(_TAG)
    if kind == "str":
        return characters(text)
    if node.tag not in _SCALARS:
        raise ValueError(f"has a tag that is not allowed here: {shown(node.tag)}")
    if not _SCALARS[node.tag][0].match(text):
        raise ValueError(f"does not fit its tag !!{kind}")
    return _READERS[kind](text)


def characters(text: str) -> str:
    """Return the text, or raise ValueError if it holds half of a surrogate pair."""
    # "\ud800" in quotes is half of a character: it can be neither printed nor sent to AWS.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds an escape that is no character")
    return text


def _integer(text: str) -> int:
    return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)


def _float(text: str) -> float:
    # Python writes infinity and not-a-number without YAML's dot.
    return float(text.replace(".", "") if text[-1] in "fFnN" else text)


_READERS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": _float,
}
