"""When a failed attempt is tried again."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from penstock.config.quantities import format_duration
from penstock.config.section import Duration, Section, WholeNumber
from penstock.config.wording import shown
from penstock.retries import DEFAULT_RETRY_ON, STATUS_PATTERN, Cause, RetryOn, RetryPolicy

MOST_ATTEMPTS = 100
SHORTEST_WAIT = timedelta(seconds=1)
#: A longer wait would keep the message hidden for as long, and count as work in flight (R11).
LONGEST_WAIT = timedelta(minutes=15)

_DEFAULTS = RetryPolicy()
_CAUSE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"enum": [cause.value for cause in Cause]},
        {"type": "string", "pattern": f"^({STATUS_PATTERN})$"},
        {"type": "integer", "minimum": 300, "maximum": 599},
    ]
}


def _causes(value: object) -> object:
    if isinstance(value, RetryOn):
        return value
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list such as [transport, 429, 5xx], not {shown(value)}")  # noqa: TRY004 - pydantic reports ValueError only
    # YAML reads 429 as a number, and true as what Python takes for 1.
    return RetryOn.of(str(word) if not isinstance(word, bool) else repr(word) for word in value)


class Retries(Section):
    """Which failed attempts are tried again, how often, and after what wait."""

    attempts: WholeNumber = Field(default=_DEFAULTS.attempts, ge=1, le=MOST_ATTEMPTS)
    """Attempts in all, the first one included; lost workers count too. 1 to 100."""

    retry_on: Annotated[
        RetryOn, BeforeValidator(_causes), WithJsonSchema({"type": "array", "items": _CAUSE_SCHEMA})
    ] = Field(default=DEFAULT_RETRY_ON, json_schema_extra={"default": [*sorted(DEFAULT_RETRY_ON.causes)]})
    """What is tried again: `transport` (no complete response), `timeout`, status codes such as `429`, and \
`4xx` or `5xx`. Everything else outside 2xx is final."""

    min_wait: Duration = timedelta(seconds=_DEFAULTS.min_wait_seconds)
    """Shortest wait before another attempt. The longest doubles from here with each attempt. At least 1s."""

    max_wait: Duration = timedelta(seconds=_DEFAULTS.max_wait_seconds)
    """Longest wait, also where the container sends `Retry-After`. From `min_wait` to 15m."""

    @field_validator("min_wait")
    @classmethod
    def _not_at_once(cls, value: timedelta) -> timedelta:
        if not SHORTEST_WAIT <= value <= LONGEST_WAIT:
            shortest, longest = format_duration(SHORTEST_WAIT), format_duration(LONGEST_WAIT)
            raise ValueError(f"must be from {shortest} to {longest}, not {format_duration(value)}")
        return value

    @field_validator("max_wait")
    @classmethod
    def _not_below_the_floor(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        shortest: timedelta | None = info.data.get("min_wait")
        if value > LONGEST_WAIT or (shortest is not None and value < shortest):
            longest = format_duration(LONGEST_WAIT)
            raise ValueError(f"must be from min_wait to {longest}, not {format_duration(value)}")
        return value

    def policy(self) -> RetryPolicy:
        """The same for the decision function."""
        return RetryPolicy(
            attempts=self.attempts,
            retry_on=self.retry_on,
            min_wait_seconds=self.min_wait.total_seconds(),
            max_wait_seconds=self.max_wait.total_seconds(),
        )
