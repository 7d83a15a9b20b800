"""A hash over everything a deployment is made from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Relative to the project; a folder stands for all files in it.
INPUTS = (
    "app.py",
    "cdk.json",
    "cdk",
    "penstock",
    "*_lambda",
    "pyproject.toml",
    "requirements.txt",
    "package-lock.json",
    "localstack/requirements.txt",
)
_NO_INPUT = frozenset({"__pycache__", "node_modules"})


def fingerprint(project: Path, *, config: Path, port: int) -> str:
    """Return a hash that changes when a deployment would, and perhaps more often.

    The port is part of it: queue URLs in the deployed environment variables contain it.
    """
    digest = hashlib.sha256(f"{config.resolve()}\0{port}\0".encode())
    for name, file in [("config", config), *_inputs(project)]:
        # The hash of each file has a fixed length, so that no text can pass for another file's.
        digest.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _inputs(project: Path) -> Iterator[tuple[str, Path]]:
    for pattern in INPUTS:
        for found in sorted(project.glob(pattern)):
            files = sorted(found.rglob("*")) if found.is_dir() else [found]
            for file in files:
                if file.is_file() and not _NO_INPUT & set(file.parts):
                    yield str(file.relative_to(project)), file
