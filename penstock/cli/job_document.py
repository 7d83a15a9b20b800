"""From the options of ``batch submit`` to the submission."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.batch.spec import SourceKind
from penstock.cli.exits import ExitCode
from penstock.cli.output import stopped
from penstock.cli.payload import STDIN, read_file

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from penstock.batch.spec import OnBadItem


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """A job, as it was typed."""

    file: str | None
    items: str | None
    s3_paths: list[str]
    includes: list[str]
    excludes: list[str]
    #: Whether lines of the objects are the items, or their paths are.
    lines: bool | None
    batch_size: int | None
    on_bad_item: OnBadItem | None
    workers: int | None
    timeout: str | None
    config: list[str]
    config_file: Path | None
    results: bool

    def document(self) -> dict[str, Any]:
        """The submission; ends the command if the options do not make one."""
        ways = [self.file is not None, self.items is not None, bool(self.s3_paths)]
        if ways.count(True) != 1:
            raise _wrong(
                "say what the job works on: --file JOB.json, --items ITEMS.jsonl or --s3-path s3://bucket/prefix."
            )
        self._check_source()
        submission = _object(self.file, "--file") if self.file is not None else self._source()
        submission |= self._terms()
        if "workers" not in submission:
            raise _wrong("say how many workers there are to be: --workers N.")
        return submission

    def _check_source(self) -> None:
        """Each option of a source must have one to apply to."""
        if self.file is not None and self.batch_size is not None:
            raise _wrong("--batch-size goes with --items or --s3-path: a --file says it itself.")
        of_objects = {
            "--include": self.includes,
            "--exclude": self.excludes,
            "--lines or --paths": self.lines is not None,
            "--on-bad-item": self.on_bad_item,
        }
        misplaced = next((name for name, value in of_objects.items() if value), None)
        if misplaced and not self.s3_paths:
            raise _wrong(f"{misplaced} goes with --s3-path.")
        if self.on_bad_item and not self.lines:
            raise _wrong("--on-bad-item goes with --lines: a path is never a bad item.")

    def _source(self) -> dict[str, Any]:
        if self.batch_size is None:
            raise _wrong("say how many items a batch has: --batch-size N.")
        if self.items is not None:
            listed = {"items": _lines(self.items), "batch_size": self.batch_size}
            return {SourceKind.ITEM_LIST.value: listed}
        if self.lines is None:
            raise _wrong("say what an item is: a line of an object (--lines), or its path (--paths).")
        kind = SourceKind.DELIMITED_FILES if self.lines else SourceKind.FILE_PATH_LISTER
        given = {
            "s3_paths": self.s3_paths,
            "includes": self.includes,
            "excludes": self.excludes,
            "batch_size": self.batch_size,
            "on_bad_item": self.on_bad_item and self.on_bad_item.value,
        }
        return {kind.value: {name: value for name, value in given.items() if value}}

    def _terms(self) -> dict[str, Any]:
        """What overrides a file's own words."""
        given = {
            "workers": self.workers,
            "timeout": None if self.timeout is None else _seconds(self.timeout),
            "config": self._config(),
            "results": self.results or None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def _config(self) -> dict[str, Any] | None:
        if self.config_file is None and not self.config:
            return None
        config = {} if self.config_file is None else _object(str(self.config_file), "--config-file")
        for pair in self.config:
            name, equals, text = pair.partition("=")
            if not name or not equals:
                raise _wrong(f'--config "{pair}" is not of the form name=value.')
            config[name] = _value(text)
        return config


def _value(text: str) -> Any:
    """What parses as JSON is that; all else is text, so that nobody has to quote quotes."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _object(name: str, option: str) -> dict[str, Any]:
    content = read_file(name, option)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"{_shown(name)} is not JSON: {error}.", f"Check {option}.") from error
    if not isinstance(value, dict):
        raise _wrong(f"{_shown(name)} is no JSON object.", f"Check {option}.")
    return value


def _lines(name: str) -> list[Any]:
    items = []
    for number, line in enumerate(read_file(name, "--items").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            items.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise _wrong(
                f"line {number} of {_shown(name)} is not JSON: {error}.",
                "--items takes a JSON value on each line.",
            ) from error
    if not items:
        raise _wrong(f"{_shown(name)} has no items.", "--items takes a JSON value on each line.")
    return items


def _seconds(text: str) -> int:
    from penstock.config.quantities import parse_duration  # noqa: PLC0415 - pydantic comes with it

    try:
        duration = parse_duration(int(text) if text.isascii() and text.isdigit() else text)
    except ValueError as error:
        raise _wrong(f"--timeout {error}.") from error
    return int(duration.total_seconds())


def _shown(name: str) -> str:
    return "standard input" if name == STDIN else name


def _wrong(text: str, *remedies: str) -> typer.Exit:
    return stopped(ExitCode.BAD_INPUT, text, *remedies)
