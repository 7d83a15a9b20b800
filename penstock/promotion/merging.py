"""What an environment's own file says, laid over what was carried to it."""

from __future__ import annotations

from typing import Any


def merged(carried: Any, own: Any) -> Any:
    """The target's own value wins; maps are merged key by key, lists of named things entry by entry.

    Any other list is the target's as a whole: there is no telling which of its entries mean the same.
    """
    if isinstance(carried, dict) and isinstance(own, dict):
        both = {key: merged(value, own[key]) if key in own else value for key, value in carried.items()}
        return both | {key: value for key, value in own.items() if key not in carried}
    if _named(carried) and _named(own):
        mine = {entry["name"]: entry for entry in own}
        entries = [merged(entry, mine.pop(entry["name"], {})) for entry in carried]
        return [*entries, *mine.values()]
    return own


def _named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in value)
    )
