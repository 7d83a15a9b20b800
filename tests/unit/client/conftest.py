from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.client import Client
from penstock.client.testing import ManualTiming, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def manual() -> ManualTiming:
    return ManualTiming()


@pytest.fixture
def start(
    manual: ManualTiming, request: pytest.FixtureRequest
) -> Callable[..., tuple[Client, ScriptedServer]]:
    """Start a client of a server with this script."""

    def start(*script, auth=None):
        server = ScriptedServer(*script)
        client = Client(
            "https://penstock.test/prod/", transport=server.transport, auth=auth, timing=manual.timing
        )
        request.addfinalizer(client.close)
        return client, server

    return start
