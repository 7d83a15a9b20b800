"""Which changes of the table are ends of requests (N1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.records import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

_REQUEST = "REQ#"


def ended_now(change: Mapping[str, Any]) -> dict[str, Any] | None:
    """The item of a request that has just ended, as it is stored; None for any other change.

    Only the step from a live status to a terminal one counts: not a removal by time to live, not
    a record that was terminal before, not one that a restored backup brings.
    """
    if change["eventName"] != "MODIFY":
        return None
    images = change["dynamodb"]
    old, new = images["OldImage"], images["NewImage"]
    if not new["pk"]["S"].startswith(_REQUEST):
        return None
    ended = _terminal(new) and not _terminal(old)
    return dict(new) if ended else None


def stream_filter() -> dict[str, Any]:
    """The same as Lambda's filter, so that it is not invoked for all else."""
    terminal = sorted(status.value for status in TERMINAL)
    return {
        "eventName": ["MODIFY"],
        "dynamodb": {
            "NewImage": {"pk": {"S": [{"prefix": _REQUEST}]}, "status": {"S": terminal}},
            "OldImage": {"status": {"S": [{"anything-but": terminal}]}},
        },
    }


def _terminal(image: Mapping[str, Any]) -> bool:
    return image["status"]["S"] in {status.value for status in TERMINAL}
