"""Durations, CPU and memory as people write them."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from decimal import Decimal

from penstock.config.wording import shown

# Digits are limited so that no text becomes a number too large to calculate with or to print.
DURATION_PATTERN = "(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?"
CPU_PATTERN = "([0-9]{1,9})m|([0-9]{1,9}(?:[.][0-9]{1,9})?)"
MEMORY_PATTERN = "([0-9]{1,9}(?:[.][0-9]{1,9})?)(Ki|Mi|Gi|Ti|k|M|G|T)"

_DURATION = re.compile(DURATION_PATTERN)
_CPU = re.compile(CPU_PATTERN)
_MEMORY = re.compile(MEMORY_PATTERN)
_MEMORY_UNIT_BYTES = {
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_MEBIBYTE_BYTES = 2**20
_MILLICORES_PER_CORE = 1000
_LARGEST_NUMBER = 10**9


def parse_duration(value: object) -> timedelta:
    """Read ``30s``, ``5m``, ``1h30m``, ``7d`` or whole seconds.

    The units are d, h, m and s, largest first, each at most once. Raises ValueError.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_NUMBER:
        return timedelta(seconds=value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not value:
        raise ValueError(
            f'must be a duration such as "30s", "5m", "1h30m" or "7d", or whole seconds, not {shown(value)}'
        )
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as error:
        raise ValueError(f"is longer than can be calculated with: {shown(value)}") from error


def format_duration(duration: timedelta) -> str:
    """Write a duration of whole seconds so that ``parse_duration`` reads the same; ``0s`` for none."""
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((duration.days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def parse_cpu(value: object) -> int:
    """Read a Kubernetes CPU quantity, ``200m``, ``0.5`` or ``2``, as millicores.

    Fractions of a millicore are rounded up, as Kubernetes does. Raises ValueError.
    """
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    match = _CPU.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'must be an amount of CPU such as "200m", 0.5 or 2, not {shown(value)}')
    millicores, cores = match.groups()
    return int(millicores) if millicores else math.ceil(Decimal(cores) * _MILLICORES_PER_CORE)


def parse_memory(value: object) -> int:
    """Read a Kubernetes memory quantity, such as ``512Mi`` or ``2Gi``, as MiB, rounded up.

    A number without a unit would be bytes to Kubernetes. Nobody means 512 bytes, so it is refused.
    Raises ValueError.
    """
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f'must be an amount of memory with a unit, such as "512Mi" or "2Gi", not {shown(value)}'
        )
    number, unit = match.groups()
    return math.ceil(Decimal(number) * _MEMORY_UNIT_BYTES[unit] / _MEBIBYTE_BYTES)
