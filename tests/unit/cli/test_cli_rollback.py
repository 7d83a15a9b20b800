from __future__ import annotations

import pytest

from penstock.revisions import Place, Revision

CONFIG = """\
deployment: shop
apis:
  - {name: echo, kind: AsyncAPI, pod: {containers: [{name: server, image: x}]}}
  - {name: sum, kind: BatchAPI, pod: {containers: [{name: server, image: x}]}}
"""
ECHO = Place("penstock-shop-echo", "penstock-shop", "echo")
SUM = Place("penstock-shop-sum", "penstock-shop", None)


def deploy(terminal, place, number):
    terminal.revisions.deploy(place, Revision(number=number, active=True, images={"server": f"x:{number}"}))


@pytest.fixture
def shop(terminal):
    """An operator of two APIs that were deployed three times."""
    (terminal.folder / "penstock.yaml").write_text(CONFIG)
    for number in (1, 2, 3):
        deploy(terminal, ECHO, number)
        deploy(terminal, SUM, number)
    return terminal


def rollback(terminal, *arguments, yes=True):
    config = terminal.folder / "penstock.yaml"
    return terminal.run("rollback", *arguments, "--config", config, *(["--yes"] if yes else []))


def images(terminal, place):
    return terminal.revisions.read(place, terminal.revisions.current(place)).images


def test_an_api_runs_again_what_it_ran_before(shop):
    result = rollback(shop, "echo")

    assert (result.exit_code, result.stdout) == (0, "penstock-shop-echo:4\n")
    assert images(shop, ECHO) == {"server": "x:2"}
    assert images(shop, SUM) == {"server": "x:3"}


def test_a_second_time_leads_to_the_one_before_that_and_not_back_again(shop):
    rollback(shop, "echo")
    rollback(shop, "echo")

    assert images(shop, ECHO) == {"server": "x:1"}
    first = rollback(shop, "echo")
    assert first.exit_code == 3
    assert "is the first one" in first.stderr


def test_a_named_revision_leads_anywhere_and_so_also_forward_again(shop):
    rollback(shop, "echo")

    result = rollback(shop, "echo", "--to-revision", 3)

    assert images(shop, ECHO) == {"server": "x:3"}
    assert "revision 4, a copy of 2" in result.stderr


@pytest.mark.parametrize(("revision", "said"), [(3, "is what runs now"), (9, "there is no revision 9")])
def test_a_revision_that_runs_or_does_not_exist_is_refused(shop, revision, said):
    result = rollback(shop, "echo", "--to-revision", revision)

    assert result.exit_code == 3
    assert said in result.stderr


def test_after_a_further_deploy_the_one_before_is_what_ran_before_it(shop):
    rollback(shop, "echo")
    deploy(shop, ECHO, 5)

    rollback(shop, "echo")

    assert images(shop, ECHO) == {"server": "x:2"}


def test_workers_of_jobs_take_the_latest_revision_so_that_is_what_going_back_makes(shop):
    result = rollback(shop, "sum")

    assert result.stdout == "penstock-shop-sum:4\n"
    assert "those that run end as they are" in result.stderr
    assert images(shop, SUM) == {"server": "x:2"}


def test_what_changes_is_shown_and_nothing_happens_without_a_yes(shop):
    result = rollback(shop, "echo", yes=False)

    assert result.exit_code == 2
    table = [line.split() for line in result.stderr.splitlines()]
    assert ["server", "x:3", "x:2"] in table
    assert shop.revisions.current(ECHO) == 3


def test_an_api_that_the_configuration_lacks_or_that_was_never_deployed_is_told(shop, terminal):
    unknown = rollback(shop, "ehco")
    assert (unknown.exit_code, "It has: echo, sum" in unknown.stderr) == (2, True)

    terminal.revisions = type(terminal.revisions)()
    missing = rollback(shop, "echo")
    assert (missing.exit_code, "nothing is deployed there" in missing.stderr) == (3, True)
