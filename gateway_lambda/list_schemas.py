"""What the OpenAPI document says about a list of requests and its figures."""

from __future__ import annotations

from typing import Any


def list_schemas() -> dict[str, Any]:
    """The schemas, by name."""
    count = {"type": "integer", "minimum": 0}
    reason = {"type": "string"}
    return {
        "RequestList": {
            "type": "object",
            "description": "A page of requests, newest first.",
            "properties": {
                "requests": {"type": "array", "items": {"$ref": "#/components/schemas/RequestStatus"}},
                "next_cursor": {"type": "string", "description": "Absent at the end of the list."},
                "queue": {"$ref": "#/components/schemas/Figures"},
            },
            "required": ["requests"],
            "additionalProperties": False,
        },
        "Figures": {
            "type": "object",
            "description": (
                "How busy the API is; on the first page. Figures that could not be had are left out, "
                "and `unavailable` says why."
            ),
            "properties": {
                "visible": count | {"description": "Messages that wait for a worker, as SQS estimates."},
                "in_flight": count | {"description": "Messages that a worker has, or that must wait, too."},
                "oldest_open_seconds": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Age of the oldest request that has not ended. Absent if all have.",
                },
                "workers_desired": count | {"description": "Workers that there should be."},
                "workers_running": count | {"description": "Workers that run."},
                "unavailable": {
                    "type": "object",
                    "description": "Sources that failed, and why.",
                    "properties": {"messages": reason, "oldest_open": reason, "workers": reason},
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
    }
