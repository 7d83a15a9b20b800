"""``penstock prune``, ``destroy`` and ``doctor``: what they say, ask, and end with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import EndpointConnectionError, NoRegionError
from typer.testing import CliRunner

from penstock.cli.main import app
from penstock.cli.surroundings import Surroundings
from penstock.lifecycle.estate import Estate, Service, Stack, Work
from penstock.ports import DependencyError
from penstock.testing.account import MemoryAccount
from tests.unit.doctor.test_doctor_account import Healthy

if TYPE_CHECKING:
    from typer.testing import Result

CONFIG = """\
deployment: shop
apis: [{name: here, kind: AsyncAPI, pod: {containers: [{name: a, image: x}]}}]
"""
OLD = Stack(
    name="penstock-shop-api-old", part="api-old", services=(Service(cluster="penstock-shop", name="old"),)
)
DATA = Stack(name="penstock-shop-data", part="data")
WHOLE = Estate(
    deployment="shop",
    stacks=(DATA, Stack(name="penstock-shop-api-here", part="api-here"), OLD),
    table="penstock-shop",
    bucket="penstock-shop-1-eu",
)


class Operator:
    def __init__(self, folder) -> None:
        self.folder = folder
        self.account = MemoryAccount(WHOLE)
        self.facts = Healthy()
        self.slept = 0
        self.while_asleep = lambda: None
        (folder / "penstock.yaml").write_text(CONFIG)

    def run(self, *arguments: str, typed: str = "") -> Result:
        surroundings = Surroundings(
            account=lambda _deployment, _emulator_url: self.account,
            facts=lambda _emulator_url: self.facts,
            run=lambda _command: None,
            environ={},
            folder=self.folder,
            clock=lambda: 0.0,
            sleep=self._sleep,
        )
        command = [*arguments, "--config", str(self.folder / "penstock.yaml")]
        result = CliRunner().invoke(app, command, input=typed, obj=surroundings)
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        return result

    def _sleep(self, _seconds: float) -> None:
        self.slept += 1
        self.while_asleep()

    @property
    def parts(self) -> list[str]:
        return [stack.part for stack in self.account.here.stacks]


@pytest.fixture
def operator(tmp_path) -> Operator:
    return Operator(tmp_path)


def test_pruning_deletes_what_is_done_after_asking(operator):
    assert operator.run("prune").exit_code == 2
    assert "api-old" in operator.parts

    result = operator.run("prune", typed="y\n")
    assert result.exit_code == 0
    assert operator.parts == ["data", "api-here"]
    assert "nothing to do" in operator.run("prune").stderr


def test_pruning_refuses_what_has_work_and_ends_with_a_code_that_tells(operator):
    operator.account.left[OLD.name] = Work(visible=2, open=2)
    result = operator.run("prune", "--yes")

    assert result.exit_code == 1
    assert result.stdout.splitlines()[1].split() == ["old", "2", "0", "2", "0", "0", "one", "task", "started"]
    assert "old stays: 2 in the queue, 2 open requests." in result.stderr


def test_pruning_can_wait_until_the_work_is_done(operator):
    operator.account.left[OLD.name] = Work(visible=1)

    def work() -> None:
        if operator.slept == 3:
            del operator.account.left[OLD.name]

    operator.while_asleep = work
    result = operator.run("prune", "--yes", "--wait")

    assert result.exit_code == 0
    assert operator.slept == 3
    assert result.stderr.count("old: 1 in the queue") == 1
    assert operator.parts == ["data", "api-here"]


def test_a_local_stack_that_was_killed_is_told_as_such_and_a_cloud_out_of_reach_is_not(operator):
    def unreachable(url: str) -> str:
        def estate() -> None:
            raise DependencyError("look what is there") from EndpointConnectionError(endpoint_url=url)

        operator.account.estate = estate
        result = operator.run("prune", "--yes")
        assert result.exit_code == 4
        return result.stderr

    assert "`make local-down`" in unreachable("http://127.0.0.1:4566/")
    assert "make local" not in unreachable("https://cloudformation.eu-west-1.amazonaws.com/")


def test_pruning_goes_on_where_it_was_broken_off(operator):
    idle = Stack(name="penstock-shop-batch", part="batch")
    operator.account.here = replace(WHOLE, stacks=(DATA, idle))
    operator.account.stuck[idle.name] = "DELETE_FAILED: Role: access denied"

    result = operator.run("prune", "--yes")
    assert (result.exit_code, "batch stays: DELETE_FAILED: Role" in result.stderr) == (1, True)
    operator.account.stuck.clear()
    assert operator.run("prune", "--yes").exit_code == 0
    assert operator.parts == ["data"]


def test_destroying_wants_the_deployments_name(operator):
    for typed in ("", "yes\n", "shop-2\n"):
        result = operator.run("destroy", "--data", typed=typed)
        assert (result.exit_code, "nothing was changed" in result.stderr) == (2, True)
    assert operator.account.done == []

    result = operator.run("destroy", "--data", typed="shop\n")
    assert result.exit_code == 0
    assert operator.account.here == Estate(deployment="shop")


def test_ctrl_c_instead_of_the_deployments_name_destroys_nothing(operator, ctrl_c_as_answer):
    result = operator.run("destroy", "--data")

    assert result.exit_code == 130
    assert result.stderr.endswith("\nInterrupted.\n")
    assert operator.account.done == []


def test_destroying_says_in_which_account_and_region(operator):
    operator.account.here = replace(WHOLE, account="111122223333", region="eu-central-1")

    said = operator.run("destroy", typed="no\n").stderr
    assert "All of this goes from eu-central-1 of account 111122223333, but for its data." in said


def test_destroying_says_that_the_deployments_own_key_stays(operator):
    assert "KMS key" not in operator.run("destroy", "--data", "--yes").stderr

    operator.account.here = WHOLE
    with (operator.folder / "penstock.yaml").open("a") as file:
        file.write("encryption: {kms_key: create}\n")
    assert "Kept: the deployment's KMS key" in operator.run("destroy", "--data", "--yes").stderr


def test_destroying_without_data_says_what_is_kept_and_why(operator):
    result = operator.run("destroy", "--yes")

    assert result.exit_code == 0
    assert operator.parts == ["data"]
    assert "Kept: penstock-shop and penstock-shop-1-eu, and their stack" in result.stderr
    assert "Nothing is there of shop but its data" in operator.run("destroy", "--yes").stderr


def test_destroying_tells_what_is_left_and_why(operator):
    operator.account.stuck[OLD.name] = "DELETE_FAILED: Provider: instances are running"
    result = operator.run("destroy", "--data", "--yes")

    assert result.exit_code == 1
    assert (
        "delete stack penstock-shop-api-old: DELETE_FAILED: Provider: instances are running" in result.stderr
    )
    assert "The same command goes on from here." in result.stderr


def test_destroying_may_be_interrupted(operator):
    def interrupted(_name, **_) -> None:
        raise KeyboardInterrupt

    operator.account.delete_stack = interrupted
    result = operator.run("destroy", "--yes")

    assert (result.exit_code, "goes on from here" in result.stderr) == (130, True)


def test_an_account_that_cannot_be_asked_is_no_traceback(operator):
    def fail(*_):
        raise DependencyError("connect to AWS: no region") from NoRegionError()

    operator.account.estate = fail
    for command in ("prune", "destroy"):
        result = operator.run(command, "--yes")
        assert (result.exit_code, "no region" in result.stderr) == (2, True)


def test_the_doctor_ends_with_one_on_a_problem_and_says_what_to_do(operator):
    result = operator.run("doctor")

    assert result.exit_code == 1
    assert "problem  node: not found\n         Run `make setup`" in result.stdout
    assert "ok       credentials: arn:aws:iam::111122223333:user/ops in eu-central-1" in result.stdout


def test_the_doctor_asks_no_account_offline(operator):
    operator.facts.silent = {"identity"}

    assert "credentials" not in operator.run("doctor", "--offline").stdout
    assert "credentials" in operator.run("doctor").stdout


def test_the_doctor_says_what_is_wrong_with_the_configuration(operator):
    (operator.folder / "penstock.yaml").write_text("deployment: Shop\napis: []\n")
    result = operator.run("doctor")

    assert result.exit_code == 1
    assert "2 problems, first: " in result.stdout
    assert "penstock validate" in result.stdout
