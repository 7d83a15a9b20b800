from __future__ import annotations

import os

import pytest

from penstock.client.testing import accepted


@pytest.mark.parametrize(
    ("data", "body", "content_type"),
    [
        ('{"a": 1}', b'{"a": 1}', "application/json"),
        ("12", b"12", "application/json"),
        ("", b"", "text/plain; charset=utf-8"),
        ("häl lo", "häl lo".encode(), "text/plain; charset=utf-8"),
        ("NaN", b"NaN", "text/plain; charset=utf-8"),  # Python's JSON, nobody else's
        ("[" * 100_000, b"[" * 100_000, "text/plain; charset=utf-8"),
        ("\udcff", b"\xff", "text/plain; charset=utf-8"),  # an argument that is no UTF-8
        ("-", b"-", "text/plain; charset=utf-8"),
    ],
    ids=["object", "number", "empty", "text", "NaN", "nested", "bytes", "dash"],
)
def test_data_is_json_if_it_parses(terminal, data, body, content_type):
    terminal.serve(accepted())

    assert terminal.run("submit", "word-count", "--data", data).exit_code == 0

    (request,) = terminal.server.requests
    assert (request.content, request.headers["content-type"]) == (body, content_type)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.json", "application/json"),
        ("a.PNG", "image/png"),
        ("a.webp", "image/webp"),
        ("a.txt", "text/plain"),
        ("a.json.gz", "application/gzip"),  # not JSON any more
        ("a.unknown", "application/octet-stream"),
        ("data:text", "application/octet-stream"),
        (".json", "application/octet-stream"),
    ],
)
def test_a_files_type_is_guessed_from_its_suffix(terminal, tmp_path, name, content_type):
    (tmp_path / name).write_bytes(b"\x00\xff")
    terminal.serve(accepted())

    assert terminal.run("submit", "word-count", "--file", tmp_path / name).exit_code == 0

    (request,) = terminal.server.requests
    assert (request.content, request.headers["content-type"]) == (b"\x00\xff", content_type)


def test_a_dash_reads_standard_input(terminal):
    terminal.serve(accepted())

    assert terminal.run("submit", "word-count", "--file", "-", stdin=b"\x00\xff").exit_code == 0

    (request,) = terminal.server.requests
    assert (request.content, request.headers["content-type"]) == (b"\x00\xff", "application/octet-stream")


def test_files_that_cannot_be_read_are_told(terminal, tmp_path):
    secret = tmp_path / "secret"
    secret.touch(mode=0)
    paths = [tmp_path, tmp_path / "missing", tmp_path / ("x" * 300)]
    if os.geteuid() != 0:
        paths.append(secret)

    for path in paths:
        result = terminal.run("submit", "word-count", "--file", path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "cannot be read" in result.stderr


def test_a_body_is_needed(terminal):
    result = terminal.run("submit", "word-count")

    assert result.exit_code == 2
    assert "either --file PATH (- for stdin) or --data TEXT" in result.stderr
