from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock import config
from tests.cdk import templates
from tests.iam import universe

if TYPE_CHECKING:
    from tests.cdk.templates import Templates


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The cloud stage with API keys, so that the authorizer is there."""
    folder = tmp_path_factory.mktemp("iam")
    file = folder / "penstock.yaml"
    file.write_text(universe.CONFIG)
    return templates.synthesise(config.load(file), "cloud", folder)
