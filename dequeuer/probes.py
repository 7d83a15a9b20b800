"""Readiness: nothing is received for a container that could not serve it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dequeuer.clocks import steady_ms
from dequeuer.settings import Probe, ProbeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dequeuer.asking import Asking
    from penstock.ports import Clock


class Readiness:
    """Runs the probes for ever and tells whether all of them are content.

    A port that no probe looks at gets one of ours: until something listens, every request would
    fail. Probes only gate receiving; work in progress goes on.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        *,
        port: int,
        asking: Asking,
        clock: Clock = steady_ms,
    ) -> None:
        implicit = Probe(kind=ProbeKind.TCP_SOCKET, port=port, period_seconds=1, failure_threshold=1)
        watched = any(probe.port == port for probe in probes)
        self._probes = [*probes] if watched else [*probes, implicit]
        self._asking = asking
        #: By position: two containers may have the same probe.
        self._content = [False] * len(self._probes)
        self._ready = asyncio.Event()
        self._clock = clock
        #: Since when not all probes have been content, on the steady clock; None while they are.
        self.unready_since_ms: int | None = clock()

    @property
    def ready(self) -> bool:
        """Whether all probes are content."""
        return self._ready.is_set()

    async def wait(self) -> None:
        """Return as soon as all probes are content."""
        await self._ready.wait()

    def doubt(self) -> None:
        """A connection was refused: trust only what the probes find from now on."""
        self._content = [False] * len(self._probes)
        self._publish()

    async def run(self) -> None:
        """Probe until cancelled."""
        async with asyncio.TaskGroup() as group:
            for position, probe in enumerate(self._probes):
                group.create_task(self._watch(position, probe), name=f"probe {probe.kind} {probe.port}")

    async def _watch(self, position: int, probe: Probe) -> None:
        await asyncio.sleep(probe.initial_delay_seconds)
        run_length = 0
        was_good = False
        while True:
            good = await self._asking.content(probe)
            run_length = run_length + 1 if good is was_good else 1
            was_good = good
            if good and run_length >= probe.success_threshold:
                self._content[position] = True
            elif not good and run_length >= probe.failure_threshold:
                self._content[position] = False
            self._publish()
            await asyncio.sleep(probe.period_seconds)

    def _publish(self) -> None:
        if all(self._content):
            self._ready.set()
            self.unready_since_ms = None
        elif self.unready_since_ms is None:
            self._ready.clear()
            self.unready_since_ms = self._clock()
