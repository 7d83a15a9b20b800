"""``webhook secret create`` and ``rotate``: what webhooks of an API are signed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.cli.exits import ExitCode
from penstock.cli.key_ring import configuration, emulator_url, operating
from penstock.cli.output import emit, note, stopped
from penstock.webhooks.ports import NoSecret, SecretExists

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.cli.options import StageName
    from penstock.cli.surroundings import Surroundings
    from penstock.webhooks.ports import SecretStore


def create(surroundings: Surroundings, api: str, *, path: Path, stage: StageName | None) -> None:
    """Print the new secret on standard output, and all else on standard error."""
    with operating():
        store = _store(surroundings, api, path, stage)
        try:
            secret = store.create(api)
        except SecretExists as error:
            raise stopped(
                ExitCode.REFUSED,
                f"API {api} has a secret already.",
                f"`penstock webhook secret rotate {api}` replaces it.",
            ) from error
    emit(secret)
    note(f"Webhooks of {api} are signed with it within a minute. Give it to their receivers.")


def rotate(surroundings: Surroundings, api: str, *, path: Path, stage: StageName | None) -> None:
    """The same for the secret that follows."""
    with operating():
        store = _store(surroundings, api, path, stage)
        try:
            secret = store.rotate(api)
        except NoSecret as error:
            raise stopped(
                ExitCode.REFUSED,
                f"API {api} has no secret yet.",
                f"`penstock webhook secret create {api}` makes one.",
            ) from error
    emit(secret)
    note(f"Webhooks of {api} are signed with both for a day. Give this one to their receivers by then.")


def _store(surroundings: Surroundings, api: str, path: Path, stage: StageName | None) -> SecretStore:
    config = configuration(path)
    known = [entry.name for entry in config.apis]
    if api not in known:
        raise stopped(ExitCode.BAD_INPUT, f"{path} has no API {api!r}. It has: {', '.join(known)}.")
    return surroundings.signing_secrets(
        config.deployment,
        emulator_url(surroundings, config, stage),
        config.encryption.key_id(config.deployment),
    )
