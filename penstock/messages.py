"""What travels through the queue: ids only, the payload stays in S3.

A message may be delivered twice and outlive its record, so it carries nothing that the record
does not say better.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from penstock import versions
from penstock.ids import is_request_id
from penstock.records import RequestKey


class MalformedMessage(ValueError):
    """A message that no Penstock gateway wrote; it goes to the dead-letter queue."""


def read_json(text: str) -> Any:
    """The value of a message's head; ``MalformedMessage`` if it is none, or ``UnknownVersion``."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("the message is not JSON") from error
    if isinstance(value, dict):
        versions.check(value.get("v"), of="the message")
    return value


@dataclass(frozen=True, slots=True)
class Message:
    """The envelope of one request."""

    key: RequestKey

    def encode(self) -> str:
        """JSON text."""
        return json.dumps(
            {"v": versions.VERSION, "api": self.key.api, "id": self.key.id}, separators=(",", ":")
        )

    @classmethod
    def decode_for(cls, api: str, text: str) -> Message:
        """Read a message of this API's queue; one of another API's is malformed there, too."""
        message = cls.decode(text)
        if message.key.api != api:
            raise MalformedMessage(f"the message is for API {message.key.api[:64]!r}")
        return message

    @classmethod
    def decode(cls, text: str) -> Message:
        """Read what ``encode`` wrote; anything else raises ``MalformedMessage``.

        ``UnknownVersion`` for what a later gateway wrote.
        """
        envelope = read_json(text)
        match envelope:
            case {"v": 1, "api": str(api), "id": str(request_id)} if is_request_id(request_id):
                return cls(RequestKey(api=api, id=request_id))
            case _:
                raise MalformedMessage("the message is not a request envelope of version 1")
