"""Calls that nobody thought of, made from the committed OpenAPI document: all answers are in it.

Every operation of the document takes part, so a new route needs no line here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)

from gateway_lambda.openapi import OPENAPI_FILE
from gateway_lambda.reference import EDGE_CODES
from penstock.client import ItemList, JobRequest
from penstock.problems import CONTENT_TYPE as PROBLEM_TYPE
from penstock.records import Status
from tests.e2e.fuzzing import API, PATIENCE_SECONDS, fuzz, still_works

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.timeout(600)

#: An API for jobs.
JOBS = "sum-batch"

OPERATIONS = [found.ok() for found in schemathesis.openapi.from_path(OPENAPI_FILE).get_all_operations()]


@pytest.fixture(scope="module")
def known(stack: Stack) -> dict[str, list[str]]:
    """What exists, by the name of the path's parameter: requests in each of the ways to end."""
    completed = stack.submit(API, b"some words", content_type="text/plain")
    failed = stack.submit(API, b"\xff", content_type="text/plain")
    cancelled = stack.submit(API, b"slow", content_type="text/plain", query={"delay": "60"})
    stack.client.cancel(API, cancelled)
    ids = [completed, failed, cancelled]
    statuses = [stack.finished(API, request_id).status for request_id in ids]
    assert statuses == [Status.COMPLETED, Status.FAILED, Status.CANCELLED]
    return {"api": [API], "id": ids}


@pytest.fixture(scope="module")
def known_jobs(stack: Stack) -> dict[str, list[str]]:
    """The same for calls about jobs: one that was stopped as soon as it was there."""
    job = stack.client.batch.submit(JOBS, JobRequest(source=ItemList(items=[1], batch_size=1), workers=1))
    stack.client.batch.stop(JOBS, job.id)
    return {"api": [JOBS], "id": [job.id], "batch": ["0-0"]}


def cases(operation: Any, known: dict[str, list[str]]) -> st.SearchStrategy[Case[Any]]:
    """Calls that follow the document and calls that do not, most of them to what exists."""
    anything = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    places = st.fixed_dictionaries(
        {name: st.sampled_from(known[name]) for name in known if f"{{{name}}}" in operation.path}
    )
    to_known = places.flatmap(
        lambda chosen: operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=chosen)
    )
    if not (operation.path_parameters or operation.query or operation.headers or operation.body):
        return anything
    wrong = places.flatmap(
        lambda chosen: operation.as_strategy(generation_mode=GenerationMode.NEGATIVE, path_parameters=chosen)
    )
    return st.one_of(to_known, to_known, wrong, anything)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_answer_is_documented_whatever_is_sent(
    stack: Stack, known: dict[str, list[str]], known_jobs: dict[str, list[str]], operation: Any
):
    session = requests.Session()
    session.trust_env = False
    declared = operation.definition.raw["responses"]

    @fuzz
    @given(case=cases(operation, known_jobs if operation.path.startswith("/batch/") else known))
    def holds(case: Case[Any]) -> None:
        shorten_wait(case)
        only_ask(case)
        answer = case.call(
            base_url=stack.local.url, session=session, timeout=PATIENCE_SECONDS, allow_redirects=False
        )
        if relayed(answer):
            return
        assert answer.status_code < 500 or answer.status_code == 503, answer.content
        known_status = str(answer.status_code) in declared
        assert known_status or answer.json()["code"] in EDGE_CODES, (answer.status_code, answer.content)
        case.validate_response(
            answer,
            checks=[content_type_conformance, response_headers_conformance, response_schema_conformance],
        )

    holds()
    still_works(stack)


def relayed(answer: Response) -> bool:
    """Whether it is a function's own answer, which may be any: the document says so in words."""
    ours = answer.headers.get("content-type") == [PROBLEM_TYPE]
    return not ours and answer.headers.get("x-function-status") == [str(answer.status_code)]


def only_ask(case: Case[Any]) -> None:
    """Have no jobs made: a document that is followed to the letter asks for thousands of workers."""
    if (case.method, case.operation.path) == ("POST", "/batch/{api}"):
        case.query = {**(case.query or {}), "dryRun": "true"}


def shorten_wait(case: Case[Any]) -> None:
    """Have nobody wait for long: that is tested elsewhere."""
    for name, value in dict(case.headers or {}).items():
        if str(name).lower() == "prefer" and isinstance(value, str):
            case.headers[name] = re.sub(r"wait=\d+", "wait=1", value)
