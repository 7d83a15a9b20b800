"""``rollback``: an API's tasks as they were before, at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import names
from penstock.cli.asking import confirm
from penstock.cli.exits import ExitCode
from penstock.cli.key_ring import configuration, emulator_url, operating
from penstock.cli.output import columns, emit, note, stopped
from penstock.config import AsyncApi
from penstock.revisions import NoRevision, Place, to_roll_back_to

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.cli.options import StageName
    from penstock.cli.surroundings import Surroundings
    from penstock.config import Config
    from penstock.revisions import Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked of the command."""

    api: str
    config: Path
    #: None means the revision before the one that runs.
    revision: int | None
    stage: StageName | None
    confirmed: bool


def rollback(surroundings: Surroundings, options: Options) -> None:
    """Show what changes, ask, and have ECS replace the API's tasks. Prints the revision that they get."""
    config = configuration(options.config)
    place = _place(config, options)
    with operating():
        revisions = surroundings.revisions(emulator_url(surroundings, config, options.stage))
        try:
            current, before = to_roll_back_to(revisions, place, options.revision)
        except NoRevision as error:
            raise stopped(
                ExitCode.REFUSED,
                f"{options.api} cannot go back: {error}.",
                "Deploy an earlier configuration.",
            ) from error
        _show(options.api, current, before)
        if not options.confirmed:
            confirm(f"Go back to revision {before.number}?")
        number = revisions.roll_out(place, before)
    emit(f"{place.family}:{number}")
    _tell(place)


def _place(config: Config, options: Options) -> Place:
    for api in config.apis:
        if options.api == api.name:
            return Place(
                family=names.task_family(config.deployment, api.name),
                cluster=api.cluster(config.deployment),
                service=names.service(api.name) if isinstance(api, AsyncApi) else None,
            )
    known = ", ".join(api.name for api in config.apis)
    raise stopped(ExitCode.BAD_INPUT, f"{options.config} has no API {options.api!r}. It has: {known}.")


def _show(api: str, current: Revision, before: Revision) -> None:
    made = before.registered_at.isoformat(timespec="seconds") if before.registered_at else "an unknown time"
    note(f"{api} runs revision {_spoken(current)}. Before it was {_spoken(before)}, of {made}.")
    changed = [
        (container, current.images.get(container, "-"), before.images.get(container, "-"))
        for container in sorted(current.images.keys() | before.images.keys())
        if current.images.get(container) != before.images.get(container)
    ]
    if changed:
        for line in columns([("CONTAINER", "RUNS NOW", "RAN BEFORE"), *changed]).splitlines():
            note(line)
    else:
        note("Both have the same images; variables, sizes or probes differ.")


def _spoken(revision: Revision) -> str:
    copied = f", a copy of {revision.copy_of}" if revision.copy_of else ""
    return f"{revision.number}{copied}"


def _tell(place: Place) -> None:
    if place.service is None:
        note("Workers that are started from now on are of it; those that run end as they are.")
    else:
        note(
            "ECS replaces the tasks; as many as before are wanted. To wait for it: "
            f"aws ecs wait services-stable --cluster {place.cluster} --services {place.service}"
        )
    note("CloudFormation does not know. Now go back in the configuration too, and deploy that.")
