from __future__ import annotations

import pytest

from tests.unit.local.bench import Bench


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)
