"""What can be wrong with a configuration file.

ConfigError    the file cannot be used; holds every problem found, with its line
Unreadable     the file is not YAML that Penstock reads; never leaves this package
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct, and where; its text is one line that editors make a link of."""

    file: Path
    #: Counted from 1. Of a missing key, the line of the map that lacks it.
    line: int
    #: Dotted, such as ``apis[0].pod.port``; empty when the whole file is meant.
    path: str
    message: str
    #: The nearest text that would be right, if one is near enough to be what was meant.
    suggestion: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " + (f"{self.path}: " if self.path else "")
        hint = f' (did you mean "{self.suggestion}"?)' if self.suggestion else ""
        return f"{place}{self.message}{hint}"


class ConfigError(Exception):
    """The configuration file cannot be used. Correct each of the problems its text lists."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Unreadable(Exception):
    """The text gives no data to validate, so this is the only problem there is to report."""

    def __init__(self, message: str, *, line: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
