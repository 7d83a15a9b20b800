"""The endpoint, as the dequeuer and as curl call it."""

from __future__ import annotations

import httpx
import pytest

from dequeuer.container import new_session
from dequeuer.ecs_agent import TaskAgent
from localstack.task_protection import TaskProtection, agent_uri, serving
from localstack.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def protection(clock) -> TaskProtection:
    return TaskProtection(clock=clock)


@pytest.fixture
def url(protection):
    with serving(protection) as base_url:
        yield agent_uri(base_url, "task-1")


async def test_a_dequeuer_protects_its_own_task_for_as_long_as_it_says(url, protection, clock):
    async with new_session() as session:
        agent = TaskAgent(session, url)
        await agent.protect(minutes=15)
        assert protection.protects("task-1")
        assert not protection.protects("task-2")
        clock.sleep(15 * 60)
        assert not protection.protects("task-1")
        await agent.protect(minutes=15)
        await agent.expose()
        assert not protection.protects("task-1")


def test_the_state_can_be_asked_for(url):
    state = f"{url}/task-protection/v1/state"
    with httpx.Client(trust_env=False) as http:
        before = http.get(state).json()
        http.put(state, json={"ProtectionEnabled": True}).raise_for_status()
        after = http.get(state).json()
    assert before["protection"] == {
        "ProtectionEnabled": False,
        "ExpirationDate": None,
        "TaskArn": "task-1",
    }
    assert after["protection"]["ProtectionEnabled"] is True
    assert after["protection"]["ExpirationDate"] is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"ProtectionEnabled": "yes"}',
        b'{"ProtectionEnabled": true, "ExpiresInMinutes": 0}',
        b'{"ProtectionEnabled": true, "ExpiresInMinutes": 2881}',
        b'{"ProtectionEnabled": true, "ExpiresInMinutes": "5"}',
    ],
)
def test_what_ecs_would_not_take_is_refused_and_changes_nothing(url, protection, body):
    with httpx.Client(trust_env=False) as http:
        answer = http.put(f"{url}/task-protection/v1/state", content=body)
        elsewhere = http.put(f"{url}/state", content=b'{"ProtectionEnabled": true}')
    assert answer.status_code == 400
    assert answer.json()["error"]["Code"] == "InvalidParameterException"
    assert elsewhere.status_code == 404
    assert not protection.protects("task-1")
