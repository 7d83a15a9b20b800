"""What the deployment tells the two functions through their environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from string import Template

from penstock.webhooks.schedule import Schedule


class ApiUrl(str):
    """Base URL of the HTTP API. It may name variables: the local stage learns its port only when it runs."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ApiUrl:
        """Fill the variables in; ``ValueError`` if one is not set."""
        try:
            return cls(Template(text).substitute(os.environ))
        except KeyError as error:
            raise ValueError(f"the variable {error} is not set") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """Of the function that reads the stream."""

    deployment: str
    table: str
    bucket: str
    topic_arn: str
    api_url: ApiUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderSettings:
    """Of the function that makes the calls."""

    deployment: str
    table: str
    bucket: str
    api_url: ApiUrl
    #: Waits between attempts.
    schedule: Schedule = field(default=Schedule())
    #: 1 in the local stage, where receivers are on the same machine.
    loopback: int = 0
