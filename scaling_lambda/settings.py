"""What the deployment tells the function: through its environment, and the policies in a file beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.scaling.decision import ScalingPolicy
from scaling_lambda.publisher import ScaledApi

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = Path(__file__).with_name("policies.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Read from ``PENSTOCK_DEPLOYMENT`` and so on, after the fields' names."""

    deployment: str
    table: str


def to_json(apis: Iterable[ScaledApi]) -> str:
    """The text of the file."""
    return json.dumps([asdict(api) for api in apis], indent=2)


def from_json(text: str) -> tuple[ScaledApi, ...]:
    """Read what ``to_json`` wrote."""
    return tuple(ScaledApi(**api | {"policy": ScalingPolicy(**api["policy"])}) for api in json.loads(text))
