"""What travels through the queues of deliveries: which attempt is due, nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from penstock import versions
from penstock.messages import MalformedMessage, read_json
from penstock.webhooks.deliveries import DeliveryKey

#: SQS delays a message for 15 minutes at most; longer waits are hops (N5).
LONGEST_DELAY_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One attempt of one delivery."""

    key: DeliveryKey
    #: Replays so far: an attempt of an earlier round is not due any more.
    round: int
    #: Number of the attempt, from 1.
    attempt: int
    #: How often it had to wait for a place among the calls to its host.
    crowded: int = 0

    def again(self) -> Due:
        """The same attempt, after it found no place."""
        return replace(self, crowded=self.crowded + 1)

    def encode(self) -> str:
        """JSON text."""
        content = {
            "v": versions.VERSION,
            "delivery": str(self.key),
            "round": self.round,
            "attempt": self.attempt,
            "crowded": self.crowded,
        }
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> Due:
        """Read what ``encode`` wrote; anything else raises ``MalformedMessage``.

        ``UnknownVersion`` for what a later function wrote.
        """
        match read_json(text):
            case {
                "v": 1,
                "delivery": str(name),
                "round": int(number),
                "attempt": int(attempt),
                "crowded": int(crowded),
            } if (key := DeliveryKey.parse(name)) is not None:
                return cls(key=key, round=number, attempt=attempt, crowded=crowded)
            case _:
                raise MalformedMessage("the message is no due delivery of version 1")
