"""What the schemas of the OpenAPI document are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COUNT = {"type": "integer", "minimum": 0}
SECONDS = {"type": "number", "minimum": 0}
MOMENT = {"type": "string", "format": "date-time"}
TEXT = {"type": "string"}
LINK = {"type": "string", "format": "uri"}


def named(name: str) -> dict[str, str]:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def about(schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    """The schema, with what it means where it stands."""
    return {**schema, "description": description}


def listed(entry: Mapping[str, Any], **limits: int) -> dict[str, Any]:
    """An array of these."""
    return {"type": "array", "items": dict(entry), **limits}


def closed(
    properties: Mapping[str, Any],
    *,
    required: Sequence[str] | Mapping[str, Any] | None = None,
    description: str | None = None,
) -> dict[str, Any]:
    """An object of these members and no others; all of them are required, unless it is said which are.

    Those must have an order, as the document is compared with the committed one.
    """
    return {
        "type": "object",
        **({} if description is None else {"description": description}),
        "properties": dict(properties),
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def page(
    name: str, entry: str, description: str, *, further: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A part of a list, and where the list goes on."""
    members = {
        name: listed(named(entry)),
        "next_cursor": about(TEXT, "Absent at the end of the list."),
        **(further or {}),
    }
    return closed(members, required=(name,), description=description)
