"""``validate``: check the configuration file without touching AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from penstock.amounts import amount
from penstock.cli.exits import ExitCode
from penstock.cli.output import clean, columns, emit, note
from penstock.config import BatchApi, ConfigError, load
from penstock.config.quantities import format_duration
from penstock.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.config import AsyncApi, Config

_HEADINGS = ("API", "PATH", "KIND", "REPLICAS", "CONCURRENCY", "TIMEOUT", "CONTAINERS")


def validate(path: Path) -> None:
    """Print what the file declares, or everything that is wrong with it."""
    try:
        config = load(path)
    except ConfigError as error:
        # The report is this command's data: it goes where linters put theirs.
        emit(clean(str(error), keep="\n"))
        note(f"{path}: {amount(len(error.problems), 'problem')}")
        raise typer.Exit(ExitCode.ENDED_BADLY) from error
    emit(f"OK {path}: deployment {config.deployment}")
    emit(columns([_HEADINGS, *_rows(config)]))


def _rows(config: Config) -> Iterator[tuple[str, ...]]:
    for api in config.apis:
        route = "batch" if api.kind is Kind.BATCH else "async"
        yield (
            api.name,
            f"/{route}/{api.endpoint}",
            api.kind.value,
            _replicas(api),
            str(api.pod.max_concurrency),
            format_duration(api.timeout),
            ", ".join(container.name for container in api.pod.containers),
        )


def _replicas(api: AsyncApi | BatchApi) -> str:
    if isinstance(api, BatchApi):
        return "by job"
    return f"{api.autoscaling.min_replicas}-{api.autoscaling.max_replicas}"
