"""``doctor``: whether a deployment will go well, and what to do first if not."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from penstock.amounts import amount
from penstock.cli.exits import ExitCode
from penstock.cli.key_ring import emulator_url
from penstock.cli.output import clean, emit, note
from penstock.config import ConfigError, load
from penstock.doctor import account, machine, needs
from penstock.doctor.findings import Verdict, ok, problem
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.cli.options import StageName
    from penstock.cli.surroundings import Surroundings
    from penstock.config import Config
    from penstock.doctor.findings import Finding

#: Where Penstock itself is: its CDK app and the pinned command line.
_PROJECT = Path(__file__).parents[2]


def doctor(surroundings: Surroundings, *, path: Path, stage: StageName | None, offline: bool) -> None:
    """Print each finding as it is made. Ends with ``ENDED_BADLY`` if there is a problem."""
    counts = dict.fromkeys(Verdict, 0)
    for finding in _findings(surroundings, path=path, stage=stage, offline=offline):
        counts[finding.verdict] += 1
        emit(clean(f"{finding.verdict:<8} {finding.subject}: {finding.text}"))
        if finding.remedy is not None:
            emit(clean(f"         {finding.remedy}"))
    note(f"{amount(counts[Verdict.PROBLEM], 'problem')}, {amount(counts[Verdict.WARNING], 'warning')}.")
    if counts[Verdict.PROBLEM]:
        raise typer.Exit(ExitCode.ENDED_BADLY)


def _findings(
    surroundings: Surroundings, *, path: Path, stage: StageName | None, offline: bool
) -> Iterator[Finding]:
    yield machine.python((sys.version_info.major, sys.version_info.minor))
    yield machine.node(surroundings.run)
    yield machine.cdk(surroundings.run, _PROJECT)
    try:
        config = load(path)
    except ConfigError as error:
        told = f"{amount(len(error.problems), 'problem')}, first: {error.problems[0].message}"
        yield problem(str(path), told, f"Run `penstock validate {path}`.")
        return
    yield ok(str(path), f"deployment {config.deployment}, {amount(len(config.apis), 'API')}")
    wanted = needs.of(config.model_dump(mode="json"))
    yield machine.engine(surroundings.run)
    if not offline:
        yield from _of_account(surroundings, config, stage, wanted)


def _of_account(
    surroundings: Surroundings, config: Config, stage: StageName | None, wanted: needs.Needs
) -> Iterator[Finding]:
    try:
        facts = surroundings.facts(emulator_url(surroundings, config, stage))
    except DependencyError as error:
        yield problem("credentials", str(error), "Set AWS credentials and a region, as for the AWS CLI.")
        return
    yield from chain(account.checks(facts, wanted))
