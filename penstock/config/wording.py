"""How values and places appear in messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

#: Where a value is: keys and list indexes, from the top of the file.
Place = tuple[str | int, ...]

LONGEST_SHOWN_CHARACTERS = 60

_PLAIN_KEY = re.compile(r"[\w-]+", re.ASCII)


def shown(value: object) -> str:
    """Return a value as a user would write it in YAML, cut to one short line."""
    if isinstance(value, str):
        cut = value[:LONGEST_SHOWN_CHARACTERS] + "…" * (len(value) > LONGEST_SHOWN_CHARACTERS)
        quoted = json.dumps(cut, ensure_ascii=False)
        # Line separators are many, and a report has one line for each problem.
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in quoted)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return "a map"
    return "a list"


def dotted(path: Place) -> str:
    """Return a place as ``apis[0].pod.port``; keys that are no plain words appear as ``["a b"]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]"
    return text
