"""A folder with everything a valid file names, and ways to write files into it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml

from penstock.config import Config, ConfigError, Problem, load

if TYPE_CHECKING:
    from pathlib import Path

VALID: dict[str, Any] = {
    "deployment": "demo",
    "apis": [
        {
            "name": "one",
            "kind": "AsyncAPI",
            "pod": {"containers": [{"name": "server", "image": "python:3.12-slim"}]},
        },
        {
            "name": "jobs",
            "kind": "BatchAPI",
            "pod": {"containers": [{"name": "server", "image": "python:3.12-slim"}]},
        },
    ],
}


class Write(Protocol):
    def __call__(self, content: str | bytes) -> Path: ...


class Change(Protocol):
    def __call__(self, place: str, value: Any) -> Path: ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write penstock.yaml with this content."""

    def _write(content: str | bytes) -> Path:
        path = tmp_path / "penstock.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture
def change(write: Write) -> Change:
    """Write a valid penstock.yaml with one value set; the place is dotted, numbers are indexes."""

    def _change(place: str, value: Any) -> Path:
        data = copy.deepcopy(VALID)
        *parents, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        section: Any = data
        for part in parents:
            section = section[part] if isinstance(part, int) else section.setdefault(part, {})
        section[last] = value
        return write(yaml.safe_dump(data))

    return _change


@pytest.fixture
def accepted(change: Change):
    """Return the configuration of a valid file with one value set."""

    def _accepted(place: str, value: Any) -> Config:
        return load(change(place, value))

    return _accepted


@pytest.fixture
def refused(change: Change):
    """Return the problems of a valid file with one value set."""

    def _refused(place: str, value: Any) -> tuple[Problem, ...]:
        path = change(place, value)
        with pytest.raises(ConfigError) as caught:
            load(path)
        return caught.value.problems

    return _refused
