"""``prune``: the stacks of APIs that have left the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from penstock.cli.asking import confirm
from penstock.cli.exits import ExitCode
from penstock.cli.key_ring import configuration, emulator_url, operating
from penstock.cli.output import columns, emit, note
from penstock.cli.progress import spinning
from penstock.lifecycle.estate import api_part
from penstock.lifecycle.prune import Pruner

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.cli.options import StageName
    from penstock.cli.surroundings import Surroundings
    from penstock.config import Config
    from penstock.lifecycle.prune import Candidate

_PAUSE_SECONDS = 5


def prune(
    surroundings: Surroundings, *, path: Path, stage: StageName | None, confirmed: bool, wait: bool
) -> None:
    """List them on standard output, and delete those that may go, after asking unless that was confirmed.

    Ends with ``ENDED_BADLY`` if one had to stay.
    """
    config = configuration(path)
    with operating():
        account = surroundings.account(config.deployment, emulator_url(surroundings, config, stage))
        pruner = Pruner(account, configured=_parts(config), told=note)
        candidates = pruner.candidates()
        if not candidates:
            note(f"Every API that is deployed is in {path}: nothing to do.")
            return
        if wait:
            candidates = _until_done(surroundings, pruner, candidates)
        _show(candidates)
        ready = [one.name for one in candidates if one.may_go]
        if ready and not confirmed:
            confirm(f"Delete the stacks of {', '.join(ready)}? Queues and workers go, records stay.")
        outcomes = pruner.delete(candidates)
    kept = [outcome for outcome in outcomes if outcome.refused is not None]
    for outcome in kept:
        note(f"{outcome.candidate.name} stays: {outcome.refused}.")
    if kept:
        note("Run it again later, or with --wait.")
        raise typer.Exit(ExitCode.ENDED_BADLY)


def _parts(config: Config) -> set[str]:
    shared = {"batch"} if config.batch_apis else set()
    shared |= {"scaling"} if config.async_apis else set()
    return shared | {api_part(api.name) for api in config.apis}


def _until_done(
    surroundings: Surroundings, pruner: Pruner, candidates: Sequence[Candidate]
) -> Sequence[Candidate]:
    """Look until none has anything left to do; what still takes requests is not waited for."""
    said: dict[str, str] = {}
    with spinning(surroundings, "waiting for work to be done") as update:
        while any(not one.work.nothing and not one.accepting for one in candidates):
            for one in candidates:
                text = f"{one.name}: {one.work}"
                if said.get(one.stack.name) != text:
                    said[one.stack.name] = text
                    update(text + (" (one task started)" if one.woken else ""))
            surroundings.sleep(_PAUSE_SECONDS)
            candidates = pruner.candidates()
    return candidates


def _show(candidates: Sequence[Candidate]) -> None:
    rows = [
        (
            one.name,
            str(one.work.visible),
            str(one.work.in_flight),
            str(one.work.open),
            str(one.work.jobs),
            str(one.work.dead_letters),
            "one task started" if one.woken else "",
        )
        for one in candidates
    ]
    emit(columns([("API", "QUEUED", "IN WORK", "OPEN", "JOBS", "DEAD LETTERS", ""), *rows]))
