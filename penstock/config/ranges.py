"""From one amount to another: both ends belong to it, and either may be left out."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from penstock.config.container import Memory
from penstock.config.findings import Finding, validate_with
from penstock.config.section import Section, WholeNumber


class _Range(Section):
    """What both kinds of ranges have."""

    @model_validator(mode="wrap")
    @classmethod
    def _ends(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        found = validate_with(_endless(data), data, handler=handler)
        first, last = found.ends
        if first is not None and last is not None and first > last:
            raise ValueError("must have a min that is at most its max")
        return found

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """Least and most, in the unit of the range."""
        raise NotImplementedError


class Counts(_Range):
    """Whole numbers from `min` to `max`; either may be left out."""

    min: Annotated[WholeNumber, Field(ge=0)] | None = None
    """Least."""

    max: Annotated[WholeNumber, Field(ge=0)] | None = None
    """Most."""

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """Least and most."""
        return self.min, self.max


class Memories(_Range):
    """Memory from `min` to `max`, such as `16Gi`; either may be left out."""

    min_mib: Memory | None = Field(default=None, alias="min")
    """Least."""

    max_mib: Memory | None = Field(default=None, alias="max")
    """Most."""

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """Least and most, in MiB."""
        return self.min_mib, self.max_mib


def _endless(data: object) -> Iterator[Finding]:
    if isinstance(data, Mapping) and not data:
        yield Finding((), 'needs "min" or "max"')
