"""How a deployment replaces the running replicas: Cortex's field, in the shares that ECS takes."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from penstock.config.section import Section, WholeNumber
from penstock.config.wording import shown

SHARE_PATTERN = "(0|[1-9][0-9]?|100)%"
_SHARE = re.compile(SHARE_PATTERN)
_ALL = 100

MOST_FAILURES = 200


class UpdateMode(StrEnum):
    """In which order the old replicas go and the new ones come."""

    #: New ones beside the old, as far as the shares allow.
    ROLLING = "rolling"
    #: Each new one in the place of an old one, for hardware of which there is no more.
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Share:
    """Some of an API's replicas: a number of them, or hundredths of what there should be."""

    number: int
    is_percentage: bool

    def __str__(self) -> str:
        return f"{self.number}%" if self.is_percentage else f"{self.number}"

    def percentage(self, *, replicas: int) -> int:
        """The same in hundredths of so many replicas, of which ECS takes the whole ones."""
        return self.number if self.is_percentage else math.ceil(_ALL * self.number / replicas)


@dataclass(frozen=True, slots=True)
class Percentages:
    """What ECS is told, in hundredths of the desired count."""

    #: So many replicas stay healthy. ECS rounds it up to whole ones.
    minimum_healthy: int
    #: So many replicas run or start at most. ECS rounds it down.
    maximum: int


def _share(value: object) -> object:
    if isinstance(value, Share):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Share(value, is_percentage=False)
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'must be a share such as "25%", at most "100%", or a number, not {shown(value)}')
    return Share(int(match.group(1)), is_percentage=True)


_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string", "pattern": f"^{SHARE_PATTERN}$"}, {"type": "integer", "minimum": 0}]
}
AnyShare = Annotated[Share, BeforeValidator(_share), WithJsonSchema(_SCHEMA)]


class UpdateStrategy(Section):
    """How a deployment replaces the running replicas."""

    mode: UpdateMode = UpdateMode.ROLLING
    """`rolling`: new replicas beside the old ones, as `max_surge` and `max_unavailable` say. `replace`: \
each new replica takes the place of an old one that has ended."""

    max_surge: AnyShare = Field(
        default=Share(_ALL, is_percentage=True), json_schema_extra={"default": f"{_ALL}%"}
    )
    """Replicas beyond the desired number during a deployment: `0%` to `100%`, rounded down. A number only \
where `min_replicas` is `max_replicas`. Only with `mode: rolling`."""

    max_unavailable: AnyShare = Field(
        default=Share(0, is_percentage=True), json_schema_extra={"default": "0%"}
    )
    """Replicas that may be missing during a deployment: `0%` to `100%`, rounded down. A number only where \
`min_replicas` is `max_replicas`. Only with `mode: rolling`."""

    failure_threshold: WholeNumber | None = Field(default=None, ge=1, le=MOST_FAILURES)
    """New replicas that may fail in a row before the deployment is rolled back. 1 to 200. Default: half of \
the desired number, at least 3."""

    @field_validator("max_surge", "max_unavailable")
    @classmethod
    def _of_rolling(cls, value: Share, info: ValidationInfo) -> Share:
        if info.data.get("mode") is UpdateMode.REPLACE:
            raise ValueError("has no meaning with mode: replace, which has no replica too many or kept back")
        return value

    def percentages(self, *, fewest: int, most: int) -> Percentages:
        """What ECS is told about an API with so many replicas.

        ``ValueError`` if ECS has no word for it, or if such a deployment could not go on.
        """
        if self.mode is UpdateMode.REPLACE:
            return Percentages(minimum_healthy=0, maximum=_ALL)
        surge, unavailable = (
            _fixed(share, name, fewest=fewest, most=most)
            for name, share in (("max_surge", self.max_surge), ("max_unavailable", self.max_unavailable))
        )
        _must_go_on(surge, unavailable, replicas=max(1, fewest))
        return Percentages(minimum_healthy=_ALL - unavailable, maximum=_ALL + surge)


def _fixed(share: Share, name: str, *, fewest: int, most: int) -> int:
    if share.is_percentage or share.number == 0:
        return share.number
    if fewest != most:
        raise ValueError(
            f'{name} must be a share such as "50%" here: ECS takes shares of the number of replicas, which '
            f"scaling changes from {fewest} to {most}, and {share} of them is another share each time"
        )
    percentage = share.percentage(replicas=most)
    if not share.number <= most or most * percentage // _ALL != share.number:
        raise ValueError(f'{name} must be a share such as "50%": no whole one of {most} replicas is {share}')
    return percentage


def _must_go_on(surge: int, unavailable: int, *, replicas: int) -> None:
    if max(surge, unavailable) * replicas >= _ALL:
        return
    if surge == unavailable == 0:
        raise ValueError("max_surge and max_unavailable must not both be 0: no replica could come or go")
    raise ValueError(
        f"with {replicas} replica(s), the fewest there are, no deployment could go on: ECS takes whole "
        f"replicas only, and neither {surge}% nor {unavailable}% of them is one. One of max_surge and "
        f'max_unavailable must be at least "{math.ceil(_ALL / replicas)}%", or min_replicas '
        f"at least {math.ceil(_ALL / max(surge, unavailable))}"
    )
