"""What the commands of ``dead-letters`` do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import typer

from penstock.amounts import amount
from penstock.cli.asking import confirm
from penstock.cli.connection import connected
from penstock.cli.exits import ExitCode
from penstock.cli.output import clean, emit, note, stopped
from penstock.cli.progress import counting
from penstock.cli.requests import show
from penstock.cli.tables import LARGEST_PAGE, print_list
from penstock.client import Chosen, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.cli.surroundings import Surroundings
    from penstock.client import PassedOver, RequestState

#: Failures that are named one by one; a thousand lines would hide what the last one says.
_SHOWN_FAILURES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Which dead letters, as it was typed."""

    ids: Sequence[str] = ()
    error: str | None = None
    created_after: str | None = None
    created_before: str | None = None
    all: bool = False

    def chosen(self) -> Chosen:
        """The same for the client; ends the command if it cannot be."""
        chosen = Chosen(
            ids=self.ids,
            error=self.error,
            created_after=_moment(self.created_after, "--created-after"),
            created_before=_moment(self.created_before, "--created-before"),
            all=self.all,
        )
        try:
            chosen.members()
        except InvalidInput as error:
            raise stopped(
                ExitCode.BAD_INPUT,
                str(error),
                "Give ids, or --error, --created-after and --created-before, or --all.",
            ) from error
        return chosen


@dataclass(slots=True)
class _Outcome:
    """What was done so far, kept for whoever is interrupted."""

    done: int = 0
    already: int = 0
    failures: list[PassedOver] = field(default_factory=list)


def list_them(
    surroundings: Surroundings, api: str, selected: Selected, *, url: str | None, limit: int, as_json: bool
) -> None:
    """Print a table, or the documents."""
    with connected(surroundings, url) as client:
        found = client.dead_letters.list(
            api,
            error=selected.error,
            created_after=_moment(selected.created_after, "--created-after"),
            created_before=_moment(selected.created_before, "--created-before"),
            page_size=min(limit, LARGEST_PAGE),
        )
        entries = list(islice(found, limit))
    print_list(
        surroundings,
        "dead_letters",
        entries,
        head=("ID", "ATTEMPT", "CREATED", "ERROR", "RETRIED AS"),
        row=_row,
        empty="No dead letters.",
        as_json=as_json,
    )


def show_one(
    surroundings: Surroundings, api: str, request_id: str, *, url: str | None, as_json: bool
) -> None:
    """Print one of them."""
    with connected(surroundings, url) as client:
        state = client.dead_letters.get(api, request_id)
    show(state, surroundings, as_json=as_json)


def redrive(surroundings: Surroundings, api: str, selected: Selected, *, url: str | None) -> None:
    """Run them again; a line of old and new id for each goes to standard output as it is known."""
    chosen, outcome = selected.chosen(), _Outcome()
    try:
        with (
            connected(surroundings, url) as client,
            counting(surroundings, "redriving", total=len(chosen.ids) or None) as count,
        ):
            for answer in client.dead_letters.redrive(api, chosen):
                outcome.already += answer.already
                outcome.done += len(answer.retries) - answer.already
                outcome.failures += answer.failures
                if answer.retries:
                    emit("\n".join(clean(f"{old} {new}") for old, new in answer.retries.items()))
                count(len(answer.retries) + len(answer.failures))
    except KeyboardInterrupt as interrupt:
        note(f"Interrupted: {_redriven(outcome)}. The same command goes on: nothing is redriven twice.")
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt
    note(f"{_redriven(outcome)}.")
    _report(outcome)


def purge(surroundings: Surroundings, api: str, selected: Selected, *, url: str | None, yes: bool) -> None:
    """Delete them, after a question that only ``yes`` spares."""
    chosen, outcome = selected.chosen(), _Outcome()
    if not yes:
        _ask(api, selected)
    try:
        with (
            connected(surroundings, url) as client,
            counting(surroundings, "purging", total=len(chosen.ids) or None) as count,
        ):
            for answer in client.dead_letters.purge(api, chosen):
                outcome.done += answer.purged
                outcome.failures += answer.failures
                count(answer.purged + len(answer.failures))
    except KeyboardInterrupt as interrupt:
        note(f"Interrupted: {outcome.done} purged. The same command goes on.")
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt
    note(f"{outcome.done} purged.")
    _report(outcome)


def _ask(api: str, selected: Selected) -> None:
    everything = "all dead letters" if selected.all else "all matching dead letters"
    which = amount(len(selected.ids), "dead letter") if selected.ids else everything
    confirm(f"Delete {which} of {api} for good, with payloads and results?")


def _redriven(outcome: _Outcome) -> str:
    already = f", {outcome.already} already before" if outcome.already else ""
    return f"{outcome.done} redriven{already}"


def _report(outcome: _Outcome) -> None:
    """Name those that were passed over, and end the command if there are any."""
    if not outcome.failures:
        return
    for failure in outcome.failures[:_SHOWN_FAILURES]:
        note(f"{failure.id}: {failure.detail} ({failure.code})")
    more = len(outcome.failures) - _SHOWN_FAILURES
    note(f"{len(outcome.failures)} passed over" + (f", {more} more than shown." if more > 0 else "."))
    raise typer.Exit(ExitCode.ENDED_BADLY)


def _row(entry: RequestState) -> tuple[str, ...]:
    return (
        entry.id,
        str(entry.attempt),
        str(entry.document["created_at"]),
        entry.error.code if entry.error else "",
        entry.retried_as or "",
    )


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise stopped(
            ExitCode.BAD_INPUT, f"{option} {text} is no time. Give one such as 2026-10-01T12:00:00Z."
        ) from error
    if moment.tzinfo is None:
        raise stopped(ExitCode.BAD_INPUT, f"{option} {text} has no time zone. Add one: {text}Z is UTC.")
    return moment
