"""The commands ``prune``, ``destroy`` and ``doctor``, and their options; see ``main`` for all others."""

from pathlib import Path

import typer

from penstock.cli.exits import listing
from penstock.cli.options import (
    ConfigurationOption,
    Confirmed,
    Destroyed,
    KeyStage,
    Offline,
    WaitUntilEmpty,
)

_EXIT_CODES = listing()
_CONFIGURATION = Path("penstock.yaml")


def prune(
    context: typer.Context,
    *,
    config: ConfigurationOption = _CONFIGURATION,
    stage: KeyStage = None,
    yes: Confirmed = False,
    wait: WaitUntilEmpty = False,
) -> None:
    """Delete the stacks of APIs that the configuration does not have, once they have nothing left to do."""
    from penstock.cli.prune import prune as run  # noqa: PLC0415 - loads boto3, pydantic and YAML

    run(context.obj, path=config, stage=stage, confirmed=yes, wait=wait)


def destroy(
    context: typer.Context,
    *,
    config: ConfigurationOption = _CONFIGURATION,
    stage: KeyStage = None,
    data: Destroyed = False,
    yes: Confirmed = False,
) -> None:
    """Remove a whole deployment from the account, in the order in which that works."""
    from penstock.cli.destroy import destroy as run  # noqa: PLC0415 - as above

    run(context.obj, path=config, stage=stage, data=data, confirmed=yes)


def doctor(
    context: typer.Context,
    *,
    config: ConfigurationOption = _CONFIGURATION,
    stage: KeyStage = None,
    offline: Offline = False,
) -> None:
    """Check what a deployment needs, on this machine and in the account; say what to do about the rest."""
    from penstock.cli.doctor import doctor as run  # noqa: PLC0415 - as above

    run(context.obj, path=config, stage=stage, offline=offline)


def add_to(app: typer.Typer) -> None:
    """Make them commands of the program."""
    for command in (prune, destroy, doctor):
        app.command(epilog=_EXIT_CODES)(command)
