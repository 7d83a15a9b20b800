"""Name servers that mean harm, and a network that keeps what was connected to."""

from __future__ import annotations

import socket
from itertools import cycle
from typing import TYPE_CHECKING

from penstock.webhooks.guard import NotResolved

if TYPE_CHECKING:
    from collections.abc import Sequence

PUBLIC, PUBLIC_V6 = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

NAMES: dict[str, Sequence[str]] = {
    "hooks.example.com": [PUBLIC],
    "both.example.com": [PUBLIC, PUBLIC_V6],
    "private.example.com": ["10.0.0.1"],
    "metadata.example.com": ["169.254.169.254"],
    "loopback.example.com": ["127.0.0.1"],
    "two.example.com": [PUBLIC, "192.168.0.7"],
    "both-families.example.com": [PUBLIC, "fd00:ec2::254"],
    "mapped.example.com": ["::ffff:10.0.0.1"],
    "scoped.example.com": ["fe80::1%eth0"],
    "nonsense.example.com": ["not an address"],
    "xn--private-9ya.example.com": ["10.0.0.1"],
    "empty.example.com": [],
}


class Resolver:
    """Answers for the names above; ``moving`` ones get another answer each time they are asked for."""

    def __init__(self, **moving: Sequence[Sequence[str]]) -> None:
        self._moving = {f"{name}.example.com": cycle(answers) for name, answers in moving.items()}
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host in self._moving:
            return next(self._moving[host])
        if host not in NAMES:
            raise NotResolved("no answer within 2 s" if host.startswith("slow") else "no such name")
        return NAMES[host]


class Network:
    """Keeps each address that a connection was tried to, and refuses it."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, int]] = []

    def __call__(self, address: tuple[str, int], timeout: float) -> socket.socket:
        self.connected.append(address)
        raise ConnectionRefusedError
