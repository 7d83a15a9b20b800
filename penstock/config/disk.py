"""Disks, in whole GiB."""

import math
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from penstock.config.quantities import MEMORY_PATTERN, parse_memory

_MIB_PER_GIB = 1024
#: The systems that instances start from take 30 GiB; gp3 has no larger volumes.
_SMALLEST_GIB, _LARGEST_GIB = 30, 16 * 1024
#: What Fargate has to offer.
_LEAST_EPHEMERAL_GIB, _MOST_EPHEMERAL_GIB = 21, 200

_SCHEMA = {"type": "string", "pattern": f"^{MEMORY_PATTERN}$"}


def _gib(value: object) -> int:
    return math.ceil(parse_memory(value) / _MIB_PER_GIB)


def _disk(gib: int) -> int:
    if not _SMALLEST_GIB <= gib <= _LARGEST_GIB:
        raise ValueError(f"must be from {_SMALLEST_GIB}Gi to 16Ti, not {gib}Gi")
    return gib


def _ephemeral(gib: int) -> int:
    if not _LEAST_EPHEMERAL_GIB <= gib <= _MOST_EPHEMERAL_GIB:
        raise ValueError(
            f"must be from {_LEAST_EPHEMERAL_GIB}Gi to {_MOST_EPHEMERAL_GIB}Gi, not {gib}Gi; a task "
            "has 20Gi without it"
        )
    return gib


Disk = Annotated[int, BeforeValidator(_gib), AfterValidator(_disk), WithJsonSchema(_SCHEMA)]
EphemeralStorage = Annotated[int, BeforeValidator(_gib), AfterValidator(_ephemeral), WithJsonSchema(_SCHEMA)]
