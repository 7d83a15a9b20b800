"""Dashboards, alarms and logs of a deployment."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, Strict, ValidationInfo, field_validator

from penstock.config.findings import each_once
from penstock.config.section import Section, WholeNumber

TOPIC_ARN_PATTERN = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}"
EMAIL_PATTERN = r"[^@\s]+@[^@\s]+\.[^@\s]+"

#: The only numbers of days that CloudWatch Logs takes.
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288),
    3653,
)

MOST_EMAILS = 20


def _topic(value: str) -> str:
    if not re.fullmatch(TOPIC_ARN_PATTERN, value):
        raise ValueError(
            "must be the ARN of a standard SNS topic, such as arn:aws:sns:eu-west-1:123456789012:on-call: "
            "alarms cannot tell FIFO topics"
        )
    return value


def _email(value: str) -> str:
    if not re.fullmatch(EMAIL_PATTERN, value):
        raise ValueError("must be an e-mail address")
    return value


def _retention(value: int) -> int:
    if value not in RETENTION_DAYS:
        nearest = min(RETENTION_DAYS, key=lambda days: abs(days - value))
        raise ValueError(f"must be a number of days that CloudWatch Logs takes; the nearest is {nearest}")
    return value


class Monitoring(Section):
    """Dashboards, alarms and logs."""

    dashboards: Annotated[bool, Strict()] = True
    """Whether there are dashboards: one for the deployment and one for each API. AWS charges for each."""

    alarm_topic_arn: (
        Annotated[str, AfterValidator(_topic), Field(json_schema_extra={"pattern": f"^{TOPIC_ARN_PATTERN}$"})]
        | None
    ) = None
    """An SNS topic of yours that all alarms tell. Its policy must let CloudWatch publish. Default: a topic \
of the deployment's own."""

    alarm_emails: tuple[
        Annotated[str, AfterValidator(_email), Field(json_schema_extra={"pattern": f"^{EMAIL_PATTERN}$"})],
        ...,
    ] = Field(default=(), max_length=MOST_EMAILS)
    """Addresses that the deployment's own topic writes to; AWS asks each to confirm. At most 20. Not with \
`alarm_topic_arn`."""

    dead_letters: WholeNumber = Field(default=1, ge=1)
    """So many failed requests, or failed batches, of one API within five minutes raise its alarm \
`DeadLetters`."""

    log_retention_days: Annotated[
        WholeNumber, AfterValidator(_retention), Field(json_schema_extra={"enum": [*RETENTION_DAYS]})
    ] = 30
    """How long all log groups keep their lines: one of the numbers of days that CloudWatch Logs takes."""

    runbooks: Annotated[str, Field(min_length=1, max_length=300)] = "docs/runbooks.md"
    """Where your copy of the runbooks is. The description of each alarm ends with it."""

    @field_validator("alarm_emails")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        each_once(value, what="address")
        return value

    @field_validator("alarm_emails")
    @classmethod
    def _one_topic(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("alarm_topic_arn") is not None:
            raise ValueError(
                "are subscribed to the deployment's own topic, and with alarm_topic_arn there is none: "
                "subscribe them to that topic"
            )
        return value
