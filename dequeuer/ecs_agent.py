"""The part of the ECS agent's endpoint that protects a task from scale-in and deployments."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Set by ECS in every container; the agent acts with the rights of the task's role.
URI_VARIABLE = "ECS_AGENT_URI"

#: The agent calls the ECS API before it answers, and gives that up by itself.
_ANSWER_SECONDS = 15
_ANSWER_BYTES = 64 * 1024


class NotProtected(Exception):
    """The agent did not do as it was told, or did not answer; the text says what it said instead."""


class TaskAgent:
    """One task's own agent."""

    def __init__(self, session: aiohttp.ClientSession, uri: str) -> None:
        self._session = session
        self._url = f"{uri.rstrip('/')}/task-protection/v1/state"

    async def protect(self, *, minutes: int) -> None:
        """Protect the task from now for so long, or for so long from now on if it is; ``NotProtected``."""
        await self._put({"ProtectionEnabled": True, "ExpiresInMinutes": minutes})

    async def expose(self) -> None:
        """End the protection; ``NotProtected``."""
        await self._put({"ProtectionEnabled": False})

    async def _put(self, wanted: Mapping[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(_ANSWER_SECONDS),
                self._session.put(self._url, data=json.dumps(wanted), headers=headers) as answer,
            ):
                text = await answer.content.read(_ANSWER_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NotProtected(repr(error)) from error
        # A refusal may come with status 200: only the state that is reported counts.
        if _enabled(text) is not wanted["ProtectionEnabled"]:
            raise NotProtected(f"{answer.status}: {text.decode(errors='replace')}")


def _enabled(text: bytes) -> bool | None:
    """The state that an answer reports; None if it reports none."""
    try:
        protection = json.loads(text)["protection"]
        return bool(protection["ProtectionEnabled"])
    except (ValueError, KeyError, TypeError):
        return None
