"""``webhook list``, ``show``, ``replay`` and ``test``: what became of deliveries."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import typer

from penstock.cli.connection import connected
from penstock.cli.exits import ExitCode
from penstock.cli.output import clean, columns, emit, note, stopped
from penstock.cli.tables import LARGEST_PAGE, print_list, print_one
from penstock.webhooks.deliveries import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.cli.surroundings import Surroundings
    from penstock.client import Client, Replayed, WebhookAttempt, WebhookDelivery

#: The most that the server sends again for one call.
_MOST_REPLAYS = 50

_PAUSE_SECONDS = 0.5


def list_deliveries(
    surroundings: Surroundings,
    api: str,
    *,
    url: str | None,
    state: State | None,
    request_id: str | None,
    job_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print a table."""
    with connected(surroundings, url) as client:
        found = _gather(client, api, limit=limit, state=state, request_id=request_id, job_id=job_id)
    print_list(
        surroundings,
        "deliveries",
        found,
        head=("DELIVERY", "STATE", "EVENT", "ATTEMPT", "CREATED", "URL"),
        row=_row,
        empty="No deliveries.",
        as_json=as_json,
    )


def show(surroundings: Surroundings, api: str, delivery_id: str, *, url: str | None, as_json: bool) -> None:
    """Print all of one delivery."""
    with connected(surroundings, url) as client:
        delivery = client.webhooks.get(api, delivery_id)
    print_one(surroundings, delivery, _rows(delivery), as_json=as_json)
    if as_json:
        return
    if delivery.attempts:
        emit(columns([("AT", "LATENCY", "ANSWER"), *map(_attempt_row, delivery.attempts)]))
    answer = delivery.document.get("answer")
    if answer is None:
        emit(clean(str(delivery.document["body"]), keep="\n"))
    else:
        emit(columns(sorted(answer["headers"].items())))
        note(f"The function's body has {answer['size_bytes']} bytes.")


def replay(
    surroundings: Surroundings,
    api: str,
    delivery_ids: Sequence[str],
    *,
    url: str | None,
    state: State | None,
    limit: int,
) -> None:
    """Send again, and say of each what became of it."""
    if bool(delivery_ids) == (state is not None):
        raise stopped(ExitCode.BAD_INPUT, "name deliveries, or a --state of them.")
    with connected(surroundings, url) as client:
        ids = list(delivery_ids) or [
            delivery.id for delivery in _gather(client, api, limit=limit, state=state)
        ]
        answers: list[Replayed] = []
        for start in range(0, len(ids), _MOST_REPLAYS):
            part = client.webhooks.replay(api, ids[start : start + _MOST_REPLAYS])
            # At once: if the next call fails, these must not be taken for not sent, and sent once more.
            emit(columns((answer.id, answer.error or "sent again") for answer in part))
            answers += part
    refused = sum(answer.error is not None for answer in answers)
    note(f"{len(answers) - refused} sent again, {refused} not")
    if refused:
        raise typer.Exit(ExitCode.REFUSED)


def send_test(surroundings: Surroundings, api: str, *, url: str | None, timeout_seconds: int) -> None:
    """Send, and wait for the first answer."""
    with connected(surroundings, url) as client:
        sent = client.webhooks.test(api)
        note(f"{sent.id} to {sent.url}")
        delivery = _first_answer(client, api, sent.id, surroundings, timeout_seconds=timeout_seconds)
    if delivery is None:
        raise stopped(ExitCode.TIMED_OUT, f"no answer within {timeout_seconds} s; attempts go on.")
    emit(columns(_attempt_row(attempt) for attempt in delivery.attempts or ()) or delivery.state)
    if delivery.state != State.DELIVERED:
        raise stopped(
            ExitCode.ENDED_BADLY, f"it was not delivered: look at `penstock webhook show {api} {sent.id}`."
        )


def _first_answer(
    client: Client, api: str, delivery_id: str, surroundings: Surroundings, *, timeout_seconds: int
) -> WebhookDelivery | None:
    ends = surroundings.clock() + timeout_seconds
    while True:
        delivery = client.webhooks.get(api, delivery_id)
        if delivery.attempts or delivery.state != State.PENDING:
            return delivery
        if surroundings.clock() >= ends:
            return None
        surroundings.sleep(_PAUSE_SECONDS)


def _gather(client: Client, api: str, *, limit: int, **chosen: str | None) -> list[WebhookDelivery]:
    found = client.webhooks.list(api, page_size=min(limit, LARGEST_PAGE), **chosen)
    return list(islice(found, limit))


def _row(delivery: WebhookDelivery) -> tuple[str, ...]:
    created = str(delivery.document.get("created_at", ""))
    return delivery.id, delivery.state, delivery.event, str(delivery.attempt), created, delivery.url


_SHOWN = (
    "id",
    "event",
    "request_id",
    "job_id",
    "url",
    "state",
    "reason",
    "attempt",
    "replays",
    "next_attempt_at",
)


def _rows(delivery: WebhookDelivery) -> Iterator[tuple[str, str]]:
    for name in _SHOWN:
        if delivery.document.get(name) is not None:
            yield name, str(delivery.document[name])


def _attempt_row(attempt: WebhookAttempt) -> tuple[str, ...]:
    at = attempt.at.isoformat(timespec="seconds") if attempt.at else ""
    return at, f"{attempt.latency_ms} ms", str(attempt.status_code or attempt.error)
