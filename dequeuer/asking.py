"""How probes ask the containers beside us."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from dequeuer.settings import ProbeKind

if TYPE_CHECKING:
    from dequeuer.settings import Probe

#: As much of a probe's answer as is read, as in Kubernetes.
_ANSWER_BYTES = 10 * 1024


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks over the loopback that the containers of a task share."""

    session: aiohttp.ClientSession

    async def content(self, probe: Probe) -> bool:
        """Whether the probe is content with what it finds now."""
        look = self._get if probe.kind is ProbeKind.HTTP_GET else _connect
        try:
            async with asyncio.timeout(probe.timeout_seconds):
                return await look(probe)
        except (OSError, TimeoutError, aiohttp.ClientError):
            return False

    async def _get(self, probe: Probe) -> bool:
        url = f"http://127.0.0.1:{probe.port}{probe.path}"
        async with self.session.get(url, allow_redirects=False) as response:
            # Hanging up on a server in the middle of its answer would fill its log with broken pipes.
            await response.content.read(_ANSWER_BYTES)
            return HTTPStatus.OK <= response.status < HTTPStatus.BAD_REQUEST


async def _connect(probe: Probe) -> bool:
    _, writer = await asyncio.open_connection("127.0.0.1", probe.port)
    writer.close()
    await writer.wait_closed()
    return True
