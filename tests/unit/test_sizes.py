from __future__ import annotations

import pytest

from penstock import sizes
from penstock.sizes import Size

GIB = 1024


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        # the smallest task there is
        (Size(1, 1), Size(256, 512)),
        # an exact fit stays as it is
        (Size(256, 2 * GIB), Size(256, 2 * GIB)),
        # memory rounds up within the steps of its CPU
        (Size(256, 513), Size(256, 1 * GIB)),
        (Size(512, 2 * GIB + 1), Size(512, 3 * GIB)),
        (Size(8192, 17 * GIB), Size(8192, 20 * GIB)),
        (Size(16384, 33 * GIB), Size(16384, 40 * GIB)),
        # CPU rounds up, and brings its own least memory along
        (Size(257, 512), Size(512, 1 * GIB)),
        (Size(4097, 1), Size(8192, 16 * GIB)),
        # much memory needs more CPU than asked for
        (Size(256, 2 * GIB + 1), Size(512, 3 * GIB)),
        (Size(1, 31 * GIB), Size(8192, 32 * GIB)),
        # the largest task there is
        (Size(16384, 120 * GIB), Size(16384, 120 * GIB)),
    ],
)
def test_a_size_is_rounded_up_to_one_that_exists(needed, expected):
    assert sizes.fargate(needed) == expected


@pytest.mark.parametrize("needed", [Size(16385, 1), Size(1, 120 * GIB + 1)])
def test_more_than_the_largest_task_is_refused(needed):
    with pytest.raises(sizes.TooLarge, match=f"{needed.cpu_units / 1024:g} vCPU and {needed.memory_mib} MiB"):
        sizes.fargate(needed)


@pytest.mark.parametrize(("millicores", "units"), [(1000, 1024), (250, 256), (256, 263), (1, 2)])
def test_millicores_become_cpu_units_rounded_up(millicores, units):
    assert sizes.cpu_units(millicores) == units


@pytest.mark.parametrize(("max_concurrency", "memory_mib"), [(1, 256), (8, 256), (9, 272), (100, 1728)])
def test_the_dequeuers_memory_grows_with_the_requests_it_carries(max_concurrency, memory_mib):
    assert sizes.dequeuer(max_concurrency).memory_mib == memory_mib
