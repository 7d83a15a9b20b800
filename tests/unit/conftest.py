"""Unit tests open no sockets at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_socket import disable_socket, enable_socket

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_sockets(only_loopback: None) -> Iterator[None]:
    # Unix sockets stay: asyncio wakes its own loop through one.
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
