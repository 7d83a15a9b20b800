from __future__ import annotations

import json
import re

import httpx
import pytest

from penstock.batch import errors as _  # noqa: F401 - a part of the tree of errors
from penstock.cli.connection import REMEDIES
from penstock.cli.jobs import REMEDIES_FOR_JOBS
from penstock.client.testing import JOB_ID, answer, failed_batch, job, job_accepted, problem
from penstock.errors import PenstockError

API = "sum-batch"
LINES = ("--s3-path", "s3://b/in/", "--lines", "--batch-size", "20", "--workers", "4")


@pytest.fixture
def submission(terminal):
    """What a submission with these options sends."""

    def submission(*arguments, stdin=None):
        terminal.serve(job_accepted())
        result = terminal.run("batch", "submit", API, *arguments, stdin=stdin)
        assert result.exit_code == 0, result.stderr
        (request,) = terminal.server.requests
        return json.loads(request.content)

    return submission


def test_submit_prints_the_id_alone(terminal):
    terminal.serve(job_accepted())

    result = terminal.run("batch", "submit", API, *LINES, "--key", "tonight", "--callback", "https://h.test")

    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{JOB_ID}\n", "")
    (request,) = terminal.server.requests
    assert str(request.url) == "https://penstock.test/prod/batch/sum-batch"
    assert request.headers["idempotency-key"] == "tonight"
    assert request.headers["x-callback-url"] == "https://h.test"


def test_submit_tells_a_person_what_to_type_next(personal):
    personal.serve(job_accepted())

    result = personal.run("batch", "submit", API, *LINES, "--url", "https://other.test")

    assert result.stdout == f"{JOB_ID}\n"
    assert result.stderr == (
        f"pending; watch it: penstock batch watch {API} {JOB_ID} --url https://other.test\n"
    )


def test_submit_json_prints_the_servers_document(terminal):
    terminal.serve(job_accepted())

    result = terminal.run("batch", "submit", API, *LINES, "--json")

    assert json.loads(result.stdout)["links"]["status"] == f"/batch/{API}/{JOB_ID}"


def test_options_for_lines_of_objects_make_delimited_files(submission):
    assert submission(*LINES, "--include", "**.jsonl", "--exclude", "**/old/*", "--on-bad-item", "skip") == {
        "workers": 4,
        "delimited_files": {
            "s3_paths": ["s3://b/in/"],
            "includes": ["**.jsonl"],
            "excludes": ["**/old/*"],
            "batch_size": 20,
            "on_bad_item": "skip",
        },
    }


def test_options_for_paths_of_objects_make_a_file_path_lister(submission):
    paths = ("--s3-path", "s3://b/1", "--s3-path", "s3://b/2")
    assert submission(*paths, "--paths", "--batch-size", "5", "--workers", "1") == {
        "workers": 1,
        "file_path_lister": {"s3_paths": ["s3://b/1", "s3://b/2"], "batch_size": 5},
    }


@pytest.mark.parametrize("name", ["-", "items.jsonl"])
def test_lines_of_json_make_an_item_list(submission, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content = b'[1, 2]\n\n{"a": "\xc3\xbc"}\r\n3'
    (tmp_path / "items.jsonl").write_bytes(content)

    sent = submission("--items", name, "--batch-size", "2", "--workers", "1", stdin=content)

    assert sent == {"workers": 1, "item_list": {"items": [[1, 2], {"a": "ü"}, 3], "batch_size": 2}}


@pytest.mark.parametrize("name", ["-", "job.json"])
def test_a_file_is_sent_as_it_is_and_options_override_it(submission, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    job_file = {"workers": 1, "timeout": 9, "item_list": {"items": [1], "batch_size": 1}, "unknown": True}
    content = json.dumps(job_file).encode()
    (tmp_path / "job.json").write_bytes(content)

    assert submission("--file", name, stdin=content) == job_file
    assert submission("--file", name, "--workers", "8", "--timeout", "2h", stdin=content) == {
        **job_file,
        "workers": 8,
        "timeout": 7200,
    }


@pytest.mark.parametrize(("typed", "seconds"), [("90", 90), ("30m", 1800), ("2h", 7200), ("1d1h", 90000)])
def test_a_timeout_is_written_as_people_do(submission, typed, seconds):
    assert submission(*LINES, "--timeout", typed)["timeout"] == seconds


def test_config_comes_from_a_file_and_from_pairs_of_json_or_text(submission, tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"a": 1, "b": {"c": 2}}')

    pairs = ("--config", "a=2", "--config", 'd=["x"]', "--config", "e=x=y", "--config", "f=")

    assert submission(*LINES, "--config-file", path, *pairs, "--results") | {"delimited_files": None} == {
        "workers": 4,
        "config": {"a": 2, "b": {"c": 2}, "d": ["x"], "e": "x=y", "f": ""},
        "results": True,
        "delimited_files": None,
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--file JOB.json, --items ITEMS.jsonl or --s3-path"),
        (["--file", "a", "--items", "b"], "--file JOB.json, --items ITEMS.jsonl or --s3-path"),
        (["--s3-path", "s3://b", "--lines", "--workers", "1"], "--batch-size N"),
        (["--s3-path", "s3://b", "--batch-size", "1", "--workers", "1"], "(--lines), or its path (--paths)"),
        (["--s3-path", "s3://b", "--lines", "--batch-size", "1"], "--workers N"),
        (["--file", "-", "--batch-size", "1"], "--batch-size goes with"),
        (["--items", "-", "--include", "*"], "--include goes with --s3-path"),
        (["--items", "-", "--exclude", "*"], "--exclude goes with --s3-path"),
        (["--items", "-", "--paths"], "--lines or --paths goes with --s3-path"),
        (["--s3-path", "s3://b", "--paths", "--on-bad-item", "skip"], "--on-bad-item goes with --lines"),
        (["--items", "nowhere.jsonl", "--batch-size", "1"], "nowhere.jsonl cannot be read"),
        (["--items", "-", "--batch-size", "1"], "line 2 of standard input is not JSON"),
        (["--file", "-"], "standard input is not JSON"),
        ([*LINES, "--timeout", "soon"], "--timeout must be a duration"),
        ([*LINES, "--config", "a"], "name=value"),
        ([*LINES, "--config-file", "nowhere.json"], "nowhere.json cannot be read"),
    ],
)
def test_options_that_make_no_job_are_exit_code_2_and_nothing_is_sent(terminal, arguments, told):
    result = terminal.run("batch", "submit", API, *arguments, stdin=b"[1]\n[2\n")

    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert terminal.server.requests == []


@pytest.mark.parametrize(
    ("option", "content"), [("--items", b"\n \n"), ("--file", b"[]"), ("--file", b"[" * 100_000)]
)
def test_input_that_is_no_job_is_exit_code_2(terminal, option, content):
    result = terminal.run("batch", "submit", API, option, "-", "--batch-size", "1", stdin=content)

    assert result.exit_code == 2
    assert terminal.server.requests == []


def test_a_lost_answer_names_the_key_to_go_on_with(terminal):
    terminal.serve(*[httpx.ReadError("broke")] * 5)

    result = terminal.run("batch", "submit", API, *LINES)

    assert result.exit_code == 4
    (key,) = {request.headers["idempotency-key"] for request in terminal.server.requests}
    assert f"The same command with --key {key} cannot start it twice." in result.stderr


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (403, "input_bucket_not_allowed", "input_buckets"),
        (422, "no_files_found", "--dry-run"),
        (413, "payload_too_large", "--s3-path"),
        (422, "invalid_submission", "Detail of invalid_submission."),
    ],
)
def test_a_refusal_is_exit_code_3_and_has_a_remedy(terminal, status, code, remedy):
    terminal.serve(problem(status, code))

    result = terminal.run("batch", "submit", API, *LINES)

    assert (result.exit_code, result.stdout) == (3, "")
    assert code in result.stderr
    assert remedy in result.stderr


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"batch_count": 1234, "truncated": False}, "2 files, 1,234 batches\n"),
        ({"batch_count": None, "truncated": False}, "2 files, as many batches as their lines make\n"),
        ({"batch_count": None, "truncated": True}, "2 files, and more that are not listed\n"),
    ],
)
def test_a_dry_run_prints_files_and_says_how_many_batches(terminal, members, told):
    terminal.serve(answer(200, {"files": ["s3://b/1", "s3://b/2\x1b"], **members}))

    result = terminal.run("batch", "submit", API, *LINES, "--dry-run")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "s3://b/1\ns3://b/2\\x1b\n", told)
    assert terminal.server.requests[0].url.query == b"dryRun=true"


def test_a_dry_run_of_items_counts_their_batches(terminal):
    terminal.serve(answer(200, {"files": [], "batch_count": 3, "truncated": False}))

    result = terminal.run(
        "batch", "submit", API, "--items", "-", "--batch-size", "1", "--workers", "1", "--dry-run", stdin=b"1"
    )

    assert (result.stdout, result.stderr) == ("", "3 batches\n")


ENDS = [
    ("succeeded", 0),
    ("completed_with_failures", 6),
    ("stopped", 7),
    ("timed_out", 8),
    ("enqueue_failed", 1),
    ("worker_error", 1),
    ("worker_oom", 1),
]


@pytest.mark.parametrize(("status", "code"), ENDS)
@pytest.mark.parametrize("command", ["get", "watch"])
def test_the_exit_code_tells_how_the_job_ended(terminal, command, status, code):
    terminal.serve(job(status, total_batch_count=2, succeeded=2))

    result = terminal.run("batch", command, API, JOB_ID)

    assert result.exit_code == code
    assert f"status   {status}\n" in result.stdout


def test_a_job_that_goes_on_is_exit_code_0(terminal):
    terminal.serve(job("running"))

    assert terminal.run("batch", "get", API, JOB_ID).exit_code == 0


def test_get_prints_all_there_is_to_know(terminal):
    terminal.serve(
        job(
            "running",
            total_batch_count=12345,
            succeeded=97,
            failed=2,
            batches_in_queue=11000,
            attempts=104,
            average_time_per_batch=1.25,
            percentiles={"p50": 1, "p90": 2.5},
            worker_counts={"running": 2, "lost": 1, "left": 0},
            started_at="2026-10-01T12:00:01.000Z",
            hook={"attempts": 1, "status_code": None, "error": {"code": "timeout", "message": "Too slow."}},
            error={"code": "timed_out", "message": "Over."},
            retry_of="68cf2a1b00c0ff00",
            worker_failure={"code": "out_of_memory", "reason": "Killed.", "deaths": 1},
            logs_url="https://console.test",
        )
    )

    assert terminal.run("batch", "get", API, JOB_ID).stdout.splitlines() == [
        f"id          {JOB_ID}",
        "api         sum-batch",
        "status      running",
        "batches     97 succeeded, 2 failed, 0 cancelled of 12,345",
        "in queue    11,000",
        "attempts    104",
        "per batch   1.25 s on average, p50 1 s, p90 2.5 s",
        "workers     2 asked for, 2 running, 1 lost",
        "created     2026-10-01T12:00:00.000Z",
        "started     2026-10-01T12:00:01.000Z",
        "retry of    68cf2a1b00c0ff00",
        "hook        no answer after 1 attempt; timeout: Too slow.",
        "error       timed_out: Over.",
        "last death  out_of_memory: Killed.",
        "logs        https://console.test",
    ]


def test_watch_writes_a_line_for_each_step_and_not_for_each_batch(terminal):
    running = [job("running", total_batch_count=1000, succeeded=count) for count in range(0, 1000, 5)]
    ended = job("completed_with_failures", total_batch_count=1000, succeeded=999, failed=1)
    terminal.serve(job("pending"), job("enqueuing", succeeded=3, enqueued_batch_count=700), *running, ended)

    result = terminal.run("batch", "watch", API, JOB_ID)

    assert terminal.server.exhausted
    lines = result.stderr.splitlines()
    assert re.fullmatch(r" +0\.0 s  pending  2 pending", lines[0])
    assert re.fullmatch(r" +0\.2 s  enqueuing  3/700\+ batches, 2 pending", lines[1])
    assert [line.split("  ")[-1] for line in lines[2:12]] == [
        f"{count}/1,000 batches, 2 pending" for count in range(0, 1000, 100)
    ]
    assert lines[12].endswith("completed_with_failures  1,000/1,000 batches, 1 failed")
    assert lines[13:] == [
        f"Look at what failed: penstock batch failed {API} {JOB_ID}",
        f"Run it again, as a new job: penstock batch retry {API} {JOB_ID}",
    ]


def test_watch_gives_up_after_its_timeout_and_the_job_goes_on(terminal):
    terminal.serve(*[job("running")] * 20)

    result = terminal.run("batch", "watch", API, JOB_ID, "--timeout", "5")

    assert (result.exit_code, result.stdout) == (5, "")
    assert f"Job {JOB_ID} is still running after 5 s. It goes on" in result.stderr


def test_ctrl_c_leaves_the_job_alone_and_says_how_to_stop_it(terminal):
    terminal.serve(job_accepted(), job("running"), KeyboardInterrupt())

    result = terminal.run("batch", "submit", API, *LINES, "--watch")

    assert (result.exit_code, result.stdout) == (130, "")
    assert [request.method for request in terminal.server.requests] == ["POST", "GET", "GET"]
    assert result.stderr.splitlines()[-2:] == [
        f"Interrupted. The job goes on. Look at it: penstock batch watch {API} {JOB_ID}",
        f"Stop it: penstock batch stop {API} {JOB_ID}",
    ]


def test_submit_and_watch_print_the_end_as_get_does(terminal):
    terminal.serve(job_accepted(), job("running"), job("succeeded", total_batch_count=1, succeeded=1))

    result = terminal.run("batch", "submit", API, *LINES, "--watch", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["status"] == "succeeded"
    assert result.stderr.startswith(f"{JOB_ID} accepted\n")


def test_a_person_sees_a_bar_with_counts_and_the_data_stays_clean(personal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    counts = {"worker_counts": {"running": 3, "lost": 1}}
    personal.serve(
        job("enqueuing"),
        job("running", total_batch_count=1000, succeeded=10, failed=2, **counts),
        job("running", total_batch_count=1000, succeeded=490, failed=10, **counts),
        job("completed_with_failures", total_batch_count=1000, succeeded=990, failed=10),
    )

    result = personal.run("batch", "watch", API, JOB_ID)

    assert result.exit_code == 6
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", result.stderr)
    assert "0.0 s  enqueuing" in shown
    assert "1,000/1,000 10 failed" in shown
    assert "━" not in result.stdout


def test_stop_prints_the_state(terminal):
    terminal.serve(job("stopping"))

    result = terminal.run("batch", "stop", API, JOB_ID)

    assert result.exit_code == 0
    assert "stopping" in result.stdout
    assert terminal.server.requests[0].method == "DELETE"


def test_stopping_what_has_ended_is_refused(terminal):
    terminal.serve(problem(409, "job_finished"))

    assert terminal.run("batch", "stop", API, JOB_ID).exit_code == 3


def test_retry_prints_the_new_jobs_id(terminal):
    terminal.serve(job_accepted(job_id="68cf2a1b00c0aaaa"))

    result = terminal.run("batch", "retry", API, JOB_ID)

    assert (result.exit_code, result.stdout) == (0, "68cf2a1b00c0aaaa\n")
    assert terminal.server.requests[0].url.path == f"/prod/batch/{API}/{JOB_ID}/retry"


def test_list_prints_a_table(terminal):
    first = job("running", total_batch_count=12345)
    terminal.serve(answer(200, {"jobs": [first.json(), job("enqueuing").json()]}))

    head, *rows = terminal.run("batch", "list", API).stdout.splitlines()

    assert head.split() == ["ID", "STATUS", "WORKERS", "BATCHES", "CREATED"]
    assert rows[0].split() == [JOB_ID, "running", "2", "12,345", "2026-10-01T12:00:00.000Z"]
    assert rows[1].split()[3] == "?"


def test_list_takes_as_many_pages_as_it_needs_and_no_more(terminal):
    one = job("running").json()
    terminal.serve(
        answer(200, {"jobs": [one], "next_cursor": "a"}),
        answer(200, {"jobs": [one, one], "next_cursor": "b"}),
    )

    result = terminal.run("batch", "list", API, "--limit", "3", "--status", "running", "--json")

    assert dict(terminal.server.requests[0].url.params) == {"limit": "3", "status": "running"}
    assert len(json.loads(result.stdout)["jobs"]) == 3
    assert terminal.server.exhausted


@pytest.mark.parametrize(
    ("command", "member", "told"),
    [
        (("list", API), "jobs", "No jobs.\n"),
        (("failed", API, JOB_ID), "failed_batches", "No failed batches.\n"),
    ],
)
def test_an_empty_list_says_so_beside_the_data(terminal, command, member, told):
    terminal.serve(answer(200, {member: []}))

    result = terminal.run("batch", *command)

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", told)


def test_failed_lists_batches_and_shows_one(terminal):
    terminal.serve(
        answer(200, {"failed_batches": [failed_batch("0-1").json(), failed_batch("3-2").json()]}),
        failed_batch("0-1", body=[[1], "two"]),
    )

    head, first, second = terminal.run("batch", "failed", API, JOB_ID).stdout.splitlines()
    shown = terminal.run("batch", "failed", API, JOB_ID, "0-1").stdout

    assert head.split() == ["BATCH", "ATTEMPT", "ITEMS", "FINISHED", "ANSWER", "ERROR"]
    assert first.split() == ["0-1", "3", "20", "2026-10-01T12:00:09.000Z", "500", "container_error"]
    assert second.split()[0] == "3-2"
    assert "error     container_error: The container answered 500.\n" in shown
    assert json.loads(shown[shown.index("[") :]) == [[1], "two"]


def test_an_unknown_job_is_exit_code_3_and_has_a_remedy(terminal):
    terminal.serve(problem(404, "unknown_job"))

    result = terminal.run("batch", "watch", API, JOB_ID)

    assert result.exit_code == 3
    assert "retention" in result.stderr


def test_every_remedy_is_for_a_problem_that_there_is():
    assert REMEDIES_FOR_JOBS.keys() - REMEDIES.keys() <= set(codes(PenstockError))


def codes(kind):
    yield kind.code
    for narrower in kind.__subclasses__():
        yield from codes(narrower)
