from __future__ import annotations

import pytest

from localstack.options import PROJECT
from tests.conftest import missing


@pytest.fixture(scope="session")
def _installed() -> None:
    for needed in (".venv-emulator/bin/python", "node_modules/.bin/cdk"):
        if not (PROJECT / needed).exists():
            missing(f"{needed} is not installed; run `make setup`")


@pytest.fixture(autouse=True)
def _needs_emulator(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("emulator"):
        request.getfixturevalue("_installed")
