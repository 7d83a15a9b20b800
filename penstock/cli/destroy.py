"""``destroy``: all of a deployment, in the order in which it can go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.amounts import amount
from penstock.cli.asking import confirm_by_name
from penstock.cli.exits import ExitCode
from penstock.cli.key_ring import configuration, emulator_url, operating
from penstock.cli.output import emit, note, stopped
from penstock.lifecycle.destroy import Destroyer
from penstock.lifecycle.plan import destruction

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.cli.options import StageName
    from penstock.cli.surroundings import Surroundings
    from penstock.config import Config
    from penstock.lifecycle.estate import Account, Estate

_AGAIN = "The same command goes on from here."


def destroy(
    surroundings: Surroundings, *, path: Path, stage: StageName | None, data: bool, confirmed: bool
) -> None:
    """Print what goes, ask for the deployment's name, and take it down.

    Ends with ``ENDED_BADLY`` and a list if something is left.
    """
    config = configuration(path)
    with operating():
        account = surroundings.account(config.deployment, emulator_url(surroundings, config, stage))
        estate = account.estate()
        steps = destruction(estate, data=data)
        if not steps:
            note(f"Nothing is there of {config.deployment}{'' if data else ' but its data, if it has any'}.")
            return
        emit("\n".join(map(str, steps)))
        if not confirmed:
            _ask(estate, data=data)
        _take_down(surroundings, account, data=data)
    note(f"{config.deployment} is gone.")
    for line in _kept(estate, config, data=data):
        note(line)


def _ask(estate: Estate, *, data: bool) -> None:
    # Two accounts may have deployments of one name.
    where = f"from {estate.region} of account {estate.account}"
    what = "with all its data, for good" if data else "but for its data"
    confirm_by_name(
        f"All of this goes {where}, {what}. Type the deployment's name to go on", estate.deployment
    )


def _take_down(surroundings: Surroundings, account: Account, *, data: bool) -> None:
    destroyer = Destroyer(account, clock=surroundings.clock, sleep=surroundings.sleep, told=note)
    try:
        left = destroyer.destroy(data=data)
    except KeyboardInterrupt as interrupt:
        raise stopped(ExitCode.INTERRUPTED, "interrupted.", _AGAIN) from interrupt
    if left:
        lines = [f"{one.step}: {one.reason}" for one in left]
        steps = amount(len(left), "step is", "steps are")
        raise stopped(ExitCode.ENDED_BADLY, f"{steps} left.", *lines, _AGAIN)


def _kept(estate: Estate, config: Config, *, data: bool) -> list[str]:
    """What stays on purpose, and why."""
    kept = []
    if not data and (estate.table or estate.bucket):
        there = " and ".join(name for name in (estate.table, estate.bucket) if name)
        kept.append(f"Kept: {there}, and their stack, through which the next deployment finds them.")
    if not data and estate.secrets:
        kept.append(f"Kept: {amount(len(estate.secrets), 'secret')} of webhooks.")
    if data and config.encryption.creates_key:
        kept.append(
            "Kept: the deployment's KMS key, which the last backup of the table is read with. Schedule its "
            "deletion when nobody needs that any more."
        )
    kept.append(
        "Kept: API Gateway's role for logs, which all APIs of the account share; images in the "
        "repository of cdk bootstrap."
    )
    return kept
