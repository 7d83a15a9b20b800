"""What the deployment tells the function: through its environment, and the policies in a file beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.scaling.decision import ScalingPolicy
from scaling_lambda.publisher import ScaledApi

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = Path(__file__).with_name("policies.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Read from ``PENSTOCK_DEPLOYMENT`` and so on, after the fields' names."""

    deployment: str
    table: str


def to_json(apis: Iterable[ScaledApi]) -> str:
    """The text of the file."""
    return json.dumps([members_of(api) for api in apis], indent=2)


def from_json(text: str) -> tuple[ScaledApi, ...]:
    """Read what ``to_json`` wrote."""
    return tuple(map(read_api, json.loads(text)))


def members_of(api: ScaledApi) -> dict[str, Any]:
    """One API for JSON."""
    return asdict(api)


def read_api(members: Mapping[str, Any]) -> ScaledApi:
    """Read what ``members_of`` made."""
    return ScaledApi(**{**members, "policy": ScalingPolicy(**members["policy"])})
