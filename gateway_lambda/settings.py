"""What the deployment tells the gateway through its environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Read from ``PENSTOCK_DEPLOYMENT`` and so on, after the fields' names."""

    deployment: str
    table: str
    bucket: str
    #: How many callers may wait at once. Each keeps one of the function's environments busy, of
    #: which an account has 1,000 unless that was changed.
    wait_slots: int = 50
    #: What the ARNs of all state machines begin with, up to their names.
    state_machines: str
    #: Where AWS's console shows logs; empty where there is none.
    console: str = ""
    #: 1 in the local stage, where callbacks go to programs on the same machine.
    loopback: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizerSettings:
    """The same for the function that looks API keys up."""

    deployment: str
    table: str
