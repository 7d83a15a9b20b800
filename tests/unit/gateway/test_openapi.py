from __future__ import annotations

import json
from dataclasses import replace
from http import HTTPMethod
from typing import Any

import grimp
import openapi_spec_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from gateway_lambda import (
    batch_reference,
    dead_letter_reference,
    function_reference,
    openapi,
    reference,
    reference_parts,
    views,
    webhook_reference,
)
from gateway_lambda.gateway import MAX_RESULT_BYTES, Gateway
from gateway_lambda.incoming import MAX_BODY_BYTES, Incoming
from gateway_lambda.openapi import OPENAPI_FILE, RoutesDiffer, document, error_codes, main
from gateway_lambda.routes import ROUTES, Route
from penstock import errors, headers, ids, keys
from penstock.batch import errors as job_errors
from penstock.batch import moves, objects
from penstock.batch.commits import Commit, FinishedBatch
from penstock.batch.jobs import Hook, JobKey, JobStatus
from penstock.batch.lanes import Death, Lane
from penstock.batch.tallies import Tally
from penstock.config.identifiers import PATH_SEGMENT_PATTERN
from penstock.errors import InvalidIdempotencyKey, PenstockError
from penstock.ports import DependencyError
from penstock.records import Failure, ResultRef, Status
from penstock.testing import MemoryRecords, MemoryWorkers
from penstock.webhooks import errors as hook_errors
from penstock.webhooks import own
from tests.unit.gateway.front_door import Answer, FrontDoor, event

DOCUMENT = document()
DESCRIBED = [route for route in ROUTES if route.described]
COMPONENTS = DOCUMENT["components"]
PAGE = (OPENAPI_FILE.parent / "http.md").read_text(encoding="utf-8")


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor()


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with the value; references point into the whole document."""
    validator = Draft202012Validator(
        {"components": COMPONENTS, **schema}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def resolved(node: Any) -> Any:
    while "$ref" in node:
        _, kind, name = node["$ref"].removeprefix("#/").split("/")
        node = COMPONENTS[kind][name]
    return node


def call(door: FrontDoor, method: str, path: str, route: str, **parts: Any) -> Answer:
    return held(door.call(method, path, **parts), method, route)


def held(answer: Answer, method: str, route: str) -> Answer:
    """The answer, after holding it against the document: status, headers, type and body."""
    description = DOCUMENT["paths"][route][method.lower()]["responses"][str(answer.status)]
    declared = {name.lower(): resolved(header) for name, header in description.get("headers", {}).items()}
    assert set(answer.headers) - {"content-type"} <= set(declared)
    for name, header in declared.items():
        if header.get("required"):
            value = answer.headers[name]
            assert not faults(header["schema"], int(value) if value.isdigit() else value)
    (content_type, content), *_ = description["content"].items()
    if content_type != "*/*":
        assert answer.headers["content-type"] == content_type
        assert not faults(content["schema"], answer.json), answer.body
    return answer


SUBMIT, ONE, RESULT = "/async/{api}", "/async/{api}/{id}", "/async/{api}/{id}/result"


def submit(door: FrontDoor, **parts: Any) -> str:
    return str(call(door, "POST", "/async/words", SUBMIT, body=b"x", **parts).json["id"])


def status(door: FrontDoor, request_id: str) -> dict[str, Any]:
    return call(door, "GET", f"/async/words/{request_id}", ONE).json


def finish(
    door: FrontDoor,
    *,
    body: bytes = b"{}",
    size_bytes: int | None = None,
    **changes: Any,
) -> None:
    record = door.only_record
    result = ResultRef(
        key="results/r",
        size_bytes=len(body) if size_bytes is None else size_bytes,
        status_code=200,
        content_type="application/json",
        headers=dict.fromkeys(headers.RESPONSE_HEADERS - {"content-encoding"}, "x"),
    )
    door.objects.bodies["results/r"] = body
    door.records.rows[record.key] = replace(
        record,
        **{
            "status": Status.COMPLETED,
            "attempt": 1,
            "started_ms": record.created_ms + 1500,
            "finished_ms": record.created_ms + 4000,
            "result": result,
        }
        | changes,
    )


def test_the_document_is_valid_openapi_3_1():
    openapi_spec_validator.OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_schema_is_valid_and_each_of_our_objects_is_closed():
    for schema in COMPONENTS["schemas"].values():
        Draft202012Validator.check_schema(schema)
        assert schema.get("type") != "object" or schema["additionalProperties"] is False


def test_no_part_of_the_reference_takes_the_name_of_anothers_parameter():
    parts = [
        reference_parts,
        batch_reference,
        dead_letter_reference,
        function_reference,
        webhook_reference,
    ]
    assert len(COMPONENTS["parameters"]) == sum(len(part.PARAMETERS) for part in parts)


def test_every_route_is_described_and_nothing_else():
    assert {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods} == {
        (route.method.value, openapi.template(route.path)) for route in DESCRIBED
    }


def test_only_further_methods_of_a_path_are_left_to_its_post_and_what_penstock_alone_calls_is_not_told():
    for route in ROUTES:
        if not route.described and route.path != own.ROUTE:
            assert (route.path, route.serve) in [(one.path, one.serve) for one in DESCRIBED]
            assert f"{route.method}" in DOCUMENT["paths"][openapi.template(route.path)]["post"]["description"]


def test_a_route_without_a_description_is_an_error_that_names_it():
    added = Route(HTTPMethod.PUT, "/async/{api}", Gateway.submit)
    with pytest.raises(RoutesDiffer, match=r"PUT /async/\{api\} is served but not described.*OPERATIONS"):
        document([*ROUTES, added])


def test_a_description_without_a_route_is_an_error_that_names_it():
    with pytest.raises(RoutesDiffer, match="GET /healthz is described but not served"):
        document([route for route in ROUTES if route.path != "/healthz"])


def test_all_but_the_health_check_need_a_signature_or_a_key_in_either_header():
    assert DOCUMENT["security"] == [{"sigv4": []}, {"bearer": []}, {"api_key": []}]
    schemes = COMPONENTS["securitySchemes"]
    assert schemes["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert (schemes["api_key"]["in"], schemes["api_key"]["name"]) == ("header", "X-Api-Key")
    unsigned = [
        path
        for path, methods in DOCUMENT["paths"].items()
        for operation in methods.values()
        if operation.get("security") == []
    ]
    assert unsigned == ["/healthz"]


def test_every_operation_but_the_health_check_may_refuse_a_key():
    refusing = {
        (path, method)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if "access_denied" in operation["responses"].get("403", {}).get("description", "")
    }
    all_operations = {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert all_operations - refusing == {("/healthz", "get")}


def _tree(error: type[PenstockError]) -> list[type[PenstockError]]:
    return [error, *(found for child in error.__subclasses__() for found in _tree(child))]


TREE = [
    error
    for error in _tree(PenstockError)
    if error.__module__ in {errors.__name__, job_errors.__name__, hook_errors.__name__}
]


def test_every_error_code_is_in_the_enumeration():
    codes = set(COMPONENTS["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert {error.code for error in TREE} == error_codes()
    assert codes == error_codes() | reference.EDGE_CODES


def test_every_error_that_is_raised_belongs_to_an_operation():
    leaves = {error for error in TREE if not error.__subclasses__()}
    listed = {error for operation in openapi.OPERATIONS for error in operation.errors}
    # Of a key and of a form, which all operations but the public one may refuse; and of single dead letters.
    assert listed | {errors.AccessDenied, errors.UnknownForm, *dead_letter_reference.SINGLE_ERRORS} == leaves


@pytest.mark.synth
def test_the_codes_of_api_gateways_own_answers_are_those_that_are_deployed():
    # Imported here: it starts Node.
    from cdk import gateway_responses  # noqa: PLC0415

    deployed = {response.problem.code for response in gateway_responses.ALL}
    assert deployed - error_codes() == reference.EDGE_CODES


def test_the_status_document_has_exactly_the_members_that_the_gateway_writes(door):
    submit(door)
    failure = Failure(code="timeout", message="m")
    waiting = replace(door.only_record, not_before_ms=door.clock(), last_failure=failure)
    finish(door, status=Status.FAILED, failure=failure, retry_of="a" * 26)
    written = [
        views.status(record, "words", result_url="https://objects.invalid/r")
        for record in (waiting, door.only_record)
    ]
    spliced = json.loads(views.with_result(written[1], b"1") or b"")
    assert set(COMPONENTS["schemas"]["RequestStatus"]["properties"]) == {*spliced, *written[0]}


def test_an_accepted_request_and_its_replay_are_answered_as_described(door):
    key = {"Idempotency-Key": "order-1"}
    assert submit(door, headers=key) == submit(door, headers=key)


def test_a_queued_request_is_as_described(door):
    assert status(door, submit(door))["status"] == "in_queue"


@pytest.mark.parametrize(
    "changes",
    [{"status": Status.IN_PROGRESS, "finished_ms": None}, {"status": Status.EXPIRED, "started_ms": None}],
)
def test_a_running_or_expired_request_is_as_described(door, changes):
    request_id = submit(door)
    finish(door, result=None, **changes)
    assert status(door, request_id)["status"] == changes["status"]


@pytest.mark.parametrize("body", [b'{"words": 2}', b"null", b"[]", b'"x"'])
def test_a_completed_request_with_an_inline_result_is_as_described(door, body):
    request_id = submit(door)
    finish(door, body=body)
    assert status(door, request_id)["result"] == json.loads(body)


def test_a_completed_request_with_a_linked_result_is_as_described(door):
    request_id = submit(door)
    finish(door, size_bytes=1001)
    assert "result_url" in status(door, request_id)


@pytest.mark.parametrize("code", COMPONENTS["schemas"]["Failure"]["properties"]["code"]["enum"])
def test_a_failed_request_is_as_described(door, code):
    request_id = submit(door)
    finish(door, status=Status.FAILED, result=None, failure=Failure(code=code, message="m"))
    assert status(door, request_id)["error"]["code"] == code


AGAIN, DEAD = "/async/{api}/{id}/retry", "/dead-letters/{api}"


def test_a_retry_and_what_it_runs_again_are_as_described(door):
    request_id = submit(door)
    finish(door, status=Status.FAILED, failure=Failure(code="timeout", message="m"))
    again = call(door, "POST", f"/async/words/{request_id}/retry", AGAIN).json["id"]
    assert status(door, again)["retry_of"] == request_id
    assert "retry" in status(door, request_id)["links"]


def test_dead_letters_and_what_is_done_to_them_are_as_described(door):
    request_id = submit(door)
    finish(door, status=Status.FAILED, failure=Failure(code="timeout", message="m"))
    chosen = json.dumps({"ids": [request_id, "x"]}).encode()
    redriven = call(door, "POST", "/dead-letters/words/redrive", f"{DEAD}/redrive", body=chosen).json
    assert (redriven["redriven"], len(redriven["failures"])) == (1, 1)
    listed = call(door, "GET", "/dead-letters/words", DEAD).json["dead_letters"]
    shown = call(door, "GET", f"/dead-letters/words/{request_id}", f"{DEAD}/{{id}}").json
    assert [entry["retried_as"] for entry in listed] == [shown["retried_as"]]
    confirmed = json.dumps({"all": True, "confirm": "words"}).encode()
    purged = call(door, "POST", "/dead-letters/words/purge", f"{DEAD}/purge", body=confirmed).json
    assert [failure["code"] for failure in purged["failures"]] == ["ended_too_recently"]
    for body in (chosen, confirmed):
        for schema in ("Selection", "PurgeSelection"):
            value, wanted = json.loads(body), COMPONENTS["schemas"][schema]
            assert bool(faults(wanted, value)) == (("confirm" in value) != (schema == "PurgeSelection"))


JOBS, JOB = "/batch/{api}", "/batch/{api}/{id}"


def submit_job(door: FrontDoor, **further: Any) -> str:
    content = {"workers": 2, "item_list": {"items": [1, "a", None], "batch_size": 2}, **further}
    assert not faults(COMPONENTS["schemas"]["JobSubmission"], content)
    return str(call(door, "POST", "/batch/sums", JOBS, body=json.dumps(content).encode()).json["job_id"])


def end_job(door: FrontDoor, job_id: str) -> None:
    """As a job ends that has seen everything: failed batches, lost workers, a hook that failed."""
    key, now_ms, failure = JobKey(api="sum-batch", id=job_id), door.clock(), Failure(code="c", message="m")
    ended = [
        FinishedBatch(
            id=f"0-{number}",
            failure=failure if number else None,
            attempt=1,
            duration_ms=10,
            items=1,
            finished_ms=now_ms,
            status_code=500,
            body_key="jobs/failed",
        )
        for number in range(3)
    ]
    commit = Commit(key=key, worker="w", token="t", batches=tuple(ended), expires_at=1)
    door.parts.commit(commit)
    door.parts.put_lane(key, Lane(index=0, deaths=2, last_death=Death.ERROR, reason="exit 1"), expires_at=1)
    hook = Hook(attempts=3, status_code=500, failure=failure)
    ending = [
        moves.start(queue_url="http://q", now_ms=now_ms),
        moves.seal(total=3, now_ms=now_ms),
        moves.complete(now_ms=now_ms),
        moves.finish(tally=Tally(succeeded=1, failed=2), hook=hook, now_ms=now_ms, retention_seconds=60),
    ]
    for move in ending:
        door.jobs.apply(key, move)
    door.objects.bodies["jobs/failed"] = b"[1]"
    door.objects.bodies[keys.job_object(key, objects.MANIFEST)] = b""


def test_a_job_is_as_described_at_every_stage(door):
    queue = {"arn": "arn:aws:sqs:eu-central-1:111122223333:lost.fifo", "max_receive_count": 2}
    job_id = submit_job(door, timeout=60, config={"a": [1]}, results=True, sqs_dead_letter_queue=queue)
    path = f"/batch/sums/{job_id}"
    assert call(door, "GET", path, JOB).json["status"] == "pending"
    end_job(door, job_id)
    whole = call(door, "GET", path, JOB).json
    assert {"results_url", "hook", "percentiles", "worker_failure", "logs_url", "config"} <= whole.keys()
    assert call(door, "GET", "/batch/sums", JOBS).json["jobs"][0]["job_id"] == job_id
    assert call(door, "GET", "/batch/sums", JOBS, query={"jobID": [job_id]}).json == whole
    assert call(door, "POST", f"{path}/retry", f"{JOB}/retry").json["retry_of"] == job_id
    assert call(door, "DELETE", path, JOB).status == 409


def test_a_job_that_stops_is_as_described(door):
    job_id = submit_job(door)
    key = JobKey(api="sum-batch", id=job_id)
    assert call(door, "DELETE", f"/batch/sums/{job_id}", JOB).json["status"] == "stopping"
    assert call(door, "DELETE", "/batch/sums", JOBS, query={"jobID": [job_id]}).status == 200
    failure = Failure(code="c", message="m")
    door.jobs.rows[key] = replace(door.jobs.rows[key], failure=failure)
    end = moves.end(
        ending=JobStatus.STOPPED, total=None, tally=Tally(), now_ms=door.clock(), retention_seconds=60
    )
    door.jobs.apply(key, end)
    assert call(door, "GET", f"/batch/sums/{job_id}", JOB).json["status"] == "stopped"


def test_failed_batches_are_as_described(door):
    job_id = submit_job(door)
    end_job(door, job_id)
    path = f"/batch/sums/{job_id}/failed"
    page = call(door, "GET", path, f"{JOB}/failed", query={"limit": ["1"]}).json
    assert "next_cursor" in page
    assert call(door, "GET", f"{path}/0-1", f"{JOB}/failed/{{batch}}").json["body"] == [1]
    door.objects.bodies["jobs/failed"] = b"\xff"
    assert "body_url" in call(door, "GET", f"{path}/0-1", f"{JOB}/failed/{{batch}}").json


def test_a_dry_run_is_as_described(door):
    door.objects.foreign["lists", "a"] = b""
    source = {"s3_paths": ["s3://lists"], "includes": None, "batch_size": 1}
    for kind in ("file_path_lister", "delimited_files"):
        body = json.dumps({"workers": 1, kind: source}).encode()
        answer = call(door, "POST", "/batch/sums", JOBS, body=body, query={"dryRun": ["true"]})
        assert answer.json["files"] == ["s3://lists/a"]


def test_members_of_a_job_that_a_list_and_its_own_answer_share_are_described_once():
    schemas = COMPONENTS["schemas"]
    whole, listed = (schemas[name]["properties"] for name in ("Job", "JobSummary"))
    assert listed.keys() < whole.keys()
    assert schemas["StoppedJob"]["properties"].keys() - whole.keys() == {"message"}


def test_a_cancelled_request_is_as_described(door):
    request_id = submit(door)
    answer = call(door, "DELETE", f"/async/words/{request_id}", ONE)
    assert answer.json["status"] == status(door, request_id)["status"] == "cancelled"


@pytest.mark.parametrize(("size_bytes", "expected"), [(2, 200), (MAX_RESULT_BYTES + 1, 303)])
@pytest.mark.parametrize("ended", [Status.COMPLETED, Status.FAILED])
def test_a_result_comes_with_the_headers_that_are_described(door, size_bytes, expected, ended):
    request_id = submit(door)
    finish(door, status=ended, size_bytes=size_bytes)
    answer = call(door, "GET", f"/async/words/{request_id}/result", RESULT)
    assert answer.status == expected
    assert set(headers.RESPONSE_HEADERS) - {"content-encoding"} <= set(answer.headers)


def test_a_binary_result_for_a_client_without_accept_is_linked_as_described(door):
    request_id = submit(door)
    finish(door, body=b"\xff")
    answers = [
        call(door, "GET", f"/async/words/{request_id}/result", RESULT, headers=sent)
        for sent in ({}, {"Accept": "*/*"})
    ]
    assert [answer.status for answer in answers] == [303, 200]


def test_a_body_that_api_gateway_damaged_is_refused_as_described(door):
    damaged = event("POST", "/async/words") | {"body": "\N{REPLACEMENT CHARACTER}"}
    answer = held(door.send(damaged), "POST", SUBMIT)
    assert answer.json["code"] == "invalid_body"


def test_the_health_check_is_as_described(door):
    assert call(door, "GET", "/healthz", "/healthz").status == 200


@pytest.mark.parametrize("seconds", [0, 25, 26])
def test_a_wait_is_answered_as_described(door, seconds):
    request_id = submit(door, headers={"Prefer": f"wait={seconds}"})
    prefer = {"Prefer": f"wait={seconds}"}
    answer = call(door, "GET", f"/async/words/{request_id}", ONE, headers=prefer)
    assert answer.headers["preference-applied"] == f"wait={min(seconds, 25)}"


def test_a_submission_that_ends_within_its_wait_is_as_described(door):
    door.meanwhile = lambda: finish(door, body=b'{"words": 2}')
    answer = call(door, "POST", "/async/words", SUBMIT, body=b"x", headers={"Prefer": "wait=2"})
    assert (answer.status, answer.json["result"]) == (200, {"words": 2})


def test_a_list_is_as_described(door):
    for _ in range(3):
        submit(door)
    answer = call(door, "GET", "/async/words", SUBMIT, query={"limit": ["2"]})
    assert {"requests", "next_cursor", "queue"} == set(answer.json)
    assert set(COMPONENTS["schemas"]["Figures"]["properties"]) - {"unavailable"} == set(answer.json["queue"])


def test_a_list_without_figures_is_as_described(door):
    class Down(MemoryWorkers):
        def count(self, api):
            raise DependencyError("down")

    door.workers = Down()
    door.build()
    assert set(call(door, "GET", "/async/words", SUBMIT).json["queue"]["unavailable"]) == {"workers"}


UNKNOWN = "b" * 26


@pytest.mark.parametrize(
    ("method", "path", "route", "parts", "code"),
    [
        ("POST", "/async/nope", SUBMIT, {}, "unknown_api"),
        ("POST", "/async/words", SUBMIT, {"headers": {"Idempotency-Key": ""}}, "invalid_idempotency_key"),
        ("POST", "/async/words", SUBMIT, {"headers": {"Prefer": "wait=x"}}, "invalid_preference"),
        ("POST", "/async/words", SUBMIT, {"body": b"x" * (MAX_BODY_BYTES + 1)}, "payload_too_large"),
        ("GET", "/async/words", SUBMIT, {"query": {"limit": ["0"]}}, "invalid_query"),
        ("GET", "/async/words", SUBMIT, {"query": {"cursor": ["x"]}}, "invalid_cursor"),
        ("GET", "/async/nope", SUBMIT, {}, "unknown_api"),
        ("GET", f"/async/words/{UNKNOWN}", ONE, {}, "unknown_request"),
        ("GET", f"/async/words/{UNKNOWN}", ONE, {"headers": {"Prefer": "wait=x"}}, "invalid_preference"),
        ("DELETE", f"/async/words/{UNKNOWN}", ONE, {}, "unknown_request"),
        ("GET", f"/async/words/{UNKNOWN}/result", RESULT, {}, "unknown_request"),
    ],
)
def test_a_refusal_is_as_described(door, method, path, route, parts, code):
    assert call(door, method, path, route, **parts).json["code"] == code


def test_a_key_that_is_used_for_another_request_is_refused_as_described(door):
    key = {"Idempotency-Key": "order-1"}
    submit(door, headers=key)
    answer = call(door, "POST", "/async/words", SUBMIT, body=b"other", headers=key)
    assert answer.json["code"] == "idempotency_key_reused"


def test_what_the_state_of_a_request_forbids_is_refused_as_described(door):
    request_id = submit(door)
    early = call(door, "GET", f"/async/words/{request_id}/result", RESULT)
    finish(door)
    late = call(door, "DELETE", f"/async/words/{request_id}", ONE)
    door.objects.bodies.clear()
    gone = call(door, "GET", f"/async/words/{request_id}/result", RESULT)
    codes = [answer.json["code"] for answer in (early, late, gone)]
    assert codes == ["not_finished", "already_finished", "no_result"]


@pytest.mark.parametrize(
    ("fault", "code"), [(DependencyError("down"), "unavailable"), (ZeroDivisionError(), "internal_error")]
)
def test_faults_on_our_side_are_as_described(door, fault, code):
    class Faulty(MemoryRecords):
        def create(self, record):
            raise fault

    door.records = Faulty()
    door.build()
    assert call(door, "POST", "/async/words", SUBMIT, body=b"x").json["code"] == code


def test_a_member_that_is_not_described_would_be_noticed(door):
    content = status(door, submit(door))
    schema = {"$ref": "#/components/schemas/RequestStatus"}
    assert not faults(schema, content)
    assert faults(schema, content | {"extra": 1})
    assert faults(schema, content | {"created_at": "yesterday"})
    assert faults(schema, {name: value for name, value in content.items() if name != "links"})


@given(st.from_regex(COMPONENTS["schemas"]["RequestId"]["pattern"].replace("$", r"\Z")))
def test_the_pattern_of_an_id_is_what_the_gateway_looks_up(text):
    assert ids.is_request_id(text)
    assert not faults({"$ref": "#/components/schemas/RequestId"}, ids.new_request_id())


KEY_SCHEMA = COMPONENTS["parameters"]["idempotency_key"]["schema"]


@given(st.from_regex(KEY_SCHEMA["pattern"].replace("$", r"\Z")) | st.text())
def test_the_pattern_of_a_key_is_what_the_gateway_takes(text):
    incoming = Incoming(path={}, headers={"idempotency-key": text}, query="", body=b"", caller="")
    try:
        taken = incoming.idempotency_key == text
    except InvalidIdempotencyKey:
        taken = False
    # jsonschema searches with Python's $, which lets one line end pass; ECMA's does not.
    assert taken is (not text.endswith("\n") and not faults(KEY_SCHEMA, text))


def test_the_pattern_of_an_api_is_that_of_the_configuration():
    pattern = COMPONENTS["parameters"]["api"]["schema"]["pattern"]
    assert pattern == f"^{PATH_SEGMENT_PATTERN.removeprefix('/?')}$"


def test_the_committed_document_is_that_of_the_code(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_document_that_differs_fails_the_check_with_the_remedy(tmp_path, capsys):
    file = tmp_path / "openapi.json"

    assert main(["--check", "--file", str(file)]) == 1
    assert "run python -m gateway_lambda.openapi --write" in capsys.readouterr().err

    assert main(["--write", "--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    assert json.loads(file.read_text()) == DOCUMENT

    file.write_text(file.read_text().replace("Penstock", "Pennstock", 1))
    assert main(["--check", "--file", str(file)]) == 1


def test_the_function_does_not_carry_the_document():
    graph = grimp.build_graph("gateway_lambda", "penstock", cache_dir=None)
    shipped = graph.find_upstream_modules("gateway_lambda.handler")
    assert "gateway_lambda.gateway" in shipped
    assert not {openapi.__name__, reference.__name__, function_reference.__name__} & shipped


@pytest.mark.parametrize(
    "named",
    [
        *COMPONENTS["schemas"]["Problem"]["properties"]["code"]["enum"],
        *COMPONENTS["schemas"]["Failure"]["properties"]["code"]["enum"],
        *COMPONENTS["schemas"]["RequestStatus"]["properties"],
        *COMPONENTS["schemas"]["RequestList"]["properties"],
        *COMPONENTS["schemas"]["Figures"]["properties"],
        *Status,
    ],
)
def test_the_page_for_users_has_every_code_member_and_status(named):
    assert f"`{named}`" in PAGE


@pytest.mark.parametrize("name", sorted(headers.REQUEST_HEADERS | headers.RESPONSE_HEADERS))
def test_the_page_for_users_names_every_header_that_is_kept(name):
    assert f"`{name}`" in PAGE.lower()


@pytest.mark.parametrize("route", DESCRIBED, ids=lambda route: f"{route.method} {route.path}")
def test_the_page_for_users_has_every_route(route):
    assert f"`{route.method} {openapi.template(route.path)}`" in PAGE
