"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How good or bad it is."""

    OK = "ok"
    #: It may go wrong, or cannot be told from here.
    WARNING = "warning"
    #: It goes wrong.
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    verdict: Verdict
    #: What was looked at.
    subject: str
    #: What was found there.
    text: str
    #: What to do about it; None where there is nothing to do.
    remedy: str | None = None


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(Verdict.OK, subject, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """It may go wrong."""
    return Finding(Verdict.WARNING, subject, text, remedy)


def problem(subject: str, text: str, remedy: str) -> Finding:
    """It goes wrong."""
    return Finding(Verdict.PROBLEM, subject, text, remedy)
