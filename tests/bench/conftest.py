"""The stand-in as a real process, and the ports on it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from bench.rig import Rig, rig
from tests.contract.conftest import Backend, _on_aws

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(scope="session")
def bench_rig() -> Iterator[Rig]:
    with rig() as running:
        yield running


@pytest.fixture
async def backend(bench_rig: Rig) -> AsyncIterator[Backend]:
    async with AsyncExitStack() as stack:
        yield await _on_aws("standin", bench_rig.standin.url, stack)
