from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.local.sites import EMULATOR_PYTHON, Site, guarded_site

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    with guarded_site(tmp_path) as site:
        yield site


@pytest.fixture(scope="session")
def _emulator_is_installed() -> None:
    if not EMULATOR_PYTHON.exists():
        missing = f"{EMULATOR_PYTHON} is missing: run `make setup`"
        # A CI run that skipped these would prove nothing and look green.
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture(autouse=True)
def _needs_emulator(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("emulator"):
        request.getfixturevalue("_emulator_is_installed")
