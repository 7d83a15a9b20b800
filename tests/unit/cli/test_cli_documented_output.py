"""The output that docs/environments.md shows is what the commands print, over a deployment in memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penstock.cli.main import app
from penstock.cli.surroundings import Surroundings
from penstock.lifecycle.estate import Crowd, Estate, Service, Stack, Work
from penstock.testing.account import MemoryAccount

PAGE = Path(__file__).parents[3] / "docs" / "environments.md"
CONFIG = """\
deployment: prod
apis: [{name: words, kind: AsyncAPI, pod: {containers: [{name: a, image: x}]}}]
"""
CLUSTER = "penstock-prod"
SHARED = ("data", "network", "gateway", "webhooks", "recovery", "scaling", "monitoring")


def stack_of(api: str) -> Stack:
    part = f"api-{api}"
    return Stack(name=f"{CLUSTER}-{part}", part=part, services=(Service(cluster=CLUSTER, name=api),))


def shared() -> tuple[Stack, ...]:
    return tuple(Stack(name=f"{CLUSTER}-{part}", part=part) for part in SHARED)


class Session:
    """Commands one after the other, with what a person would see and type."""

    def __init__(self, folder, account: MemoryAccount, after_seconds: dict[int, Work | None]) -> None:
        (folder / "penstock.yaml").write_text(CONFIG)
        self.folder = folder
        self.account = account
        self.after_seconds = after_seconds
        self.seconds = 0.0
        self.text = ""

    def run(self, *arguments: str, typed: str = "") -> None:
        surroundings = Surroundings(
            account=lambda _deployment, _emulator_url: self.account,
            environ={},
            folder=self.folder,
            clock=lambda: self.seconds,
            sleep=self._sleep,
        )
        command = [*arguments, "--config", str(self.folder / "penstock.yaml")]
        result = CliRunner().invoke(app, command, input=typed, obj=surroundings)
        self.text += f"$ penstock {' '.join(arguments)}\n{result.output}"

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds
        work = self.after_seconds.get(int(self.seconds))
        if work is not None:
            self.account.left = {f"{CLUSTER}-api-leaving": work}


def pruning(folder) -> str:
    account = MemoryAccount(
        Estate(deployment="prod", stacks=(*shared(), stack_of("words"), stack_of("leaving")))
    )
    account.tasks["leaving"] = 1
    account.left = {f"{CLUSTER}-api-leaving": Work(visible=1, in_flight=1, open=2)}
    session = Session(folder, account, {25: Work(in_flight=1, open=1), 40: Work()})
    session.run("prune")
    session.run("prune", "--wait", typed="y\n")
    return session.text


def destroying(folder) -> str:
    account = MemoryAccount(
        Estate(
            deployment="prod",
            account="111122223333",
            region="eu-central-1",
            stacks=(*shared(), stack_of("words")),
            keys=("4kd92mfl0a",),
            table=CLUSTER,
            bucket="penstock-prod-111122223333-eu-central-1",
            log_groups=("/penstock/prod/words",),
        )
    )
    account.crowds[CLUSTER] = [Crowd(tasks=2, instances=0), Crowd(tasks=1, instances=0)]
    session = Session(folder, account, {})
    session.run("destroy", "--data", typed="prod\n")
    return session.text


def shown(command: str) -> str:
    """The block of the page that begins with this command."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(f"$ {command}"))
    return found


@pytest.mark.parametrize(
    ("command", "session"), [("penstock prune", pruning), ("penstock destroy", destroying)]
)
def test_what_the_page_shows_is_what_is_printed(tmp_path, command, session):
    # A line of three dots stands for lines that are left out.
    pattern = r"(?:.*\n)+?".join(map(re.escape, shown(command).split("…\n")))
    printed = session(tmp_path)
    assert re.fullmatch(pattern, printed), printed
