from __future__ import annotations

import json

import httpx
import pytest

from penstock.client.testing import REQUEST_ID, state

GET = ("get", "word-count", REQUEST_ID)


def write_endpoint(folder, text: str) -> None:
    (folder / ".penstock").mkdir(parents=True)
    (folder / ".penstock" / "endpoint.json").write_text(text)


def test_the_option_wins_then_the_variable_then_the_file(terminal, tmp_path):
    write_endpoint(tmp_path, json.dumps({"url": "http://file.test"}))
    terminal.serve(*[state("in_queue") for _ in range(4)])

    terminal.run(*GET, "--url", "http://option.test")
    terminal.run(*GET)
    terminal.environ = {"PENSTOCK_URL": ""}
    terminal.run(*GET)
    terminal.environ = {}
    terminal.run(*GET)

    assert terminal.urls == [
        "http://option.test",
        "https://penstock.test/prod",
        "http://file.test",
        "http://file.test",
    ]


def test_the_file_of_the_nearest_folder_above_counts(terminal, tmp_path):
    write_endpoint(tmp_path, json.dumps({"url": "http://far.test"}))
    write_endpoint(tmp_path / "a", json.dumps({"url": "http://near.test"}))
    terminal.folder = tmp_path / "a" / "b" / "c"
    terminal.folder.mkdir(parents=True)
    terminal.environ = {}
    terminal.serve(state("in_queue"))

    terminal.run(*GET)

    assert terminal.urls == ["http://near.test"]


def test_without_a_url_all_three_places_are_named(terminal):
    terminal.environ = {}

    result = terminal.run(*GET)

    assert result.exit_code == 2
    for place in ("--url", "PENSTOCK_URL", ".penstock/endpoint.json"):
        assert place in result.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 1}', "[" * 100_000, '"\udcff"'])
def test_a_broken_file_is_named(terminal, tmp_path, text):
    write_endpoint(tmp_path, "")
    (tmp_path / ".penstock" / "endpoint.json").write_bytes(text.encode(errors="surrogateescape"))
    terminal.environ = {}

    result = terminal.run(*GET)

    assert result.exit_code == 2
    assert str(tmp_path / ".penstock" / "endpoint.json") in result.stderr


def test_a_wrong_url_is_told_with_its_origin(terminal):
    terminal.environ = {"PENSTOCK_URL": "localhost:4566"}

    result = terminal.run(*GET)

    assert result.exit_code == 2
    assert "no usable URL" in result.stderr
    assert "The URL comes from PENSTOCK_URL." in result.stderr


def test_a_local_stack_that_was_killed_is_no_riddle(terminal, tmp_path):
    write_endpoint(tmp_path, json.dumps({"url": "http://127.0.0.1:4566/live"}))
    terminal.environ = {}
    terminal.serve(*[httpx.ConnectError("Connection refused") for _ in range(5)])

    result = terminal.run(*GET)

    assert result.exit_code == 4
    assert f"The URL comes from {tmp_path / '.penstock' / 'endpoint.json'}." in result.stderr
    assert "`make local-down`" in result.stderr


def test_of_a_server_elsewhere_make_local_is_not_spoken_of(terminal):
    terminal.serve(*[httpx.ConnectError("Connection refused") for _ in range(5)])

    assert "make local" not in terminal.run(*GET).stderr


def test_a_deleted_current_folder_is_no_traceback(terminal, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    terminal.folder = type(tmp_path)()
    terminal.environ = {}

    assert terminal.run(*GET).exit_code == 2
