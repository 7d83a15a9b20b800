"""``keys create``, ``keys list`` and ``keys revoke``: who may call a deployment that takes API keys."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from penstock.cli.asking import confirm
from penstock.cli.exits import ExitCode
from penstock.cli.key_ring import configuration, opened
from penstock.cli.output import columns, document, emit, note, stopped
from penstock.key_ring import UnknownKey
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.api_keys import ApiKey
    from penstock.cli.options import StageName
    from penstock.cli.surroundings import Surroundings
    from penstock.key_ring import Listed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def create(
    surroundings: Surroundings,
    name: str,
    *,
    apis: Sequence[str],
    path: Path,
    stage: StageName | None,
    as_json: bool,
) -> None:
    """Print the new key on standard output, and all else on standard error."""
    if not _NAME.fullmatch(name):
        raise stopped(
            ExitCode.BAD_INPUT, "--name takes up to 64 letters, digits, dots, dashes and underscores."
        )
    config = configuration(path)
    known = [api.name for api in config.apis]
    if unknown := sorted(set(apis) - set(known)):
        raise stopped(ExitCode.BAD_INPUT, f"{path} has no API {unknown[0]!r}. It has: {', '.join(known)}.")
    with opened(surroundings, config, stage) as ring:
        try:
            key, secret = ring.create(name, apis=apis)
        except DependencyError as error:
            error.add_note(
                "`penstock keys list` shows what was made of it; `penstock keys revoke` removes that."
            )
            raise
    if as_json:
        emit(document(_described(key) | {"key": secret}, pretty=surroundings.stdout_is_terminal))
    else:
        emit(secret)
    note(f"Key {key.id} ({key.name}), for {', '.join(key.apis)}. It is shown this once: keep it now.")


def list_keys(surroundings: Surroundings, *, path: Path, stage: StageName | None, as_json: bool) -> None:
    """Print all keys, without what nobody but their owners knows."""
    config = configuration(path)
    with opened(surroundings, config, stage) as ring:
        listed = ring.list()
    if as_json:
        entries = [
            {"id": entry.id, "name": entry.name} if entry.key is None else _described(entry.key)
            for entry in listed
        ]
        emit(document({"keys": entries}, pretty=surroundings.stdout_is_terminal))
    elif listed:
        emit(columns([("ID", "NAME", "CREATED", "APIS"), *map(_row, listed)]))
    else:
        note(f"{config.deployment} has no API keys.")


def revoke(
    surroundings: Surroundings, key_id: str, *, path: Path, stage: StageName | None, confirmed: bool
) -> None:
    """End a key, after asking unless that was confirmed."""
    with opened(surroundings, configuration(path), stage) as ring:
        if not confirmed:
            confirm(f"Revoke key {key_id}? Its calls are refused from then on.")
        try:
            ring.revoke(key_id)
        except UnknownKey as error:
            raise stopped(
                ExitCode.REFUSED, f"there is no key {key_id}.", "`penstock keys list` lists them."
            ) from error
        except DependencyError as error:
            error.add_note("The same command again does what is left to do.")
            raise
    note(f"Key {key_id} is revoked.")


def _row(entry: Listed) -> tuple[str, str, str, str]:
    if entry.key is None:
        return entry.id, entry.name, "", "none: was broken off; revoke it"
    return entry.id, entry.name, _moment(entry.key), ", ".join(entry.key.apis)


def _described(key: ApiKey) -> dict[str, object]:
    return {"id": key.id, "name": key.name, "apis": list(key.apis), "created_at": _moment(key)}


def _moment(key: ApiKey) -> str:
    moment = datetime.fromtimestamp(key.created_ms / 1000, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
