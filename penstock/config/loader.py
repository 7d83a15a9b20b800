"""From the path of ``penstock.yaml`` to a Config, or to every problem in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from penstock.config import folders, positions, report
from penstock.config.deployment import Config
from penstock.config.errors import ConfigError, Problem, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.config.positions import Document

LARGEST_FILE_BYTES = 2**20


def load(path: Path) -> Config:
    """Read and check a configuration file.

    Folders in the result are absolute. Raises ConfigError, with all problems and their lines,
    whatever the file holds and whether or not it can be opened.
    """
    return _checked(read(path), path)


def parse(text: str, path: Path) -> Config:
    """Check what is to become that file. Raises ConfigError, as ``load``."""
    return _checked(_document(lambda: text, path), path)


def read(path: Path) -> Document:
    """Read a file's YAML, checked for nothing else. Raises ConfigError."""
    return _document(lambda: _text(path), path)


def _checked(document: Document, path: Path) -> Config:
    found = folders.anchor(document.data, base=Path.cwd() / path.parent)
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        found += report.findings(error)
        raise ConfigError(report.problems(found, document, file=path)) from error
    problems = report.problems(found, document, file=path)
    if problems:
        raise ConfigError(problems)
    return config


def _document(text: Callable[[], str], path: Path) -> Document:
    try:
        return positions.read(text())
    except Unreadable as error:
        problem = Problem(file=path, line=error.line, path="", message=error.message)
        raise ConfigError((problem,)) from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise Unreadable("does not exist") from error
    except IsADirectoryError as error:
        raise Unreadable("is a folder, not a file") from error
    except PermissionError as error:
        raise Unreadable("may not be read: permission denied") from error
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be read: {error}") from error
    if len(content) > LARGEST_FILE_BYTES:
        raise Unreadable(f"is larger than {LARGEST_FILE_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable("is not text in UTF-8", line=line) from error
