from __future__ import annotations

import pytest

from tests.simulation.plants import PLANTS
from tests.simulation.run import first_failure

#: By far more than any of them needs; the numbers are in docs/reliability.md.
WITHIN = 400


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant):
    assert first_failure(plant, range(WITHIN)) is not None, plant.__doc__
