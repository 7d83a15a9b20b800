"""The call to the ECS agent over real HTTP."""

from __future__ import annotations

import pytest

from dequeuer.container import new_session
from dequeuer.ecs_agent import NotProtected, TaskAgent
from localstack.emulator import free_port
from tests.processes.task import Agent, listening

FAILURE = '{"failure": {"Arn": "arn", "Detail": null, "Reason": "DEPLOYMENT_BLOCKED"}}'
THROTTLED = (
    '{"requestID": "1", "error": {"Arn": "arn", "Code": "ThrottlingException", "Message": "Rate exceeded"}}'
)
UNCHANGED = '{"protection": {"ProtectionEnabled": false, "ExpirationDate": null, "TaskArn": "arn"}}'


@pytest.fixture
async def agent():
    return Agent()


@pytest.fixture
async def task(agent):
    async with listening(agent.app()) as port, new_session() as session:
        yield TaskAgent(session, f"http://127.0.0.1:{port}/api/x")


async def test_it_says_what_ecs_documents(agent, task):
    await task.protect(minutes=15)
    await task.expose()
    assert agent.told == [
        {"ProtectionEnabled": True, "ExpiresInMinutes": 15},
        {"ProtectionEnabled": False},
    ]


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        # A refusal may come with 200.
        (200, FAILURE, "DEPLOYMENT_BLOCKED"),
        (400, THROTTLED, "ThrottlingException"),
        (200, UNCHANGED, "false"),
        (502, "<html>", "502"),
        (200, "null", "null"),
        (200, "", "200"),
    ],
)
async def test_anything_but_the_wanted_state_is_no_protection(agent, task, status, text, reason):
    agent.refusal = (status, text)
    with pytest.raises(NotProtected, match=reason):
        await task.protect(minutes=15)


async def test_an_agent_that_does_not_listen_is_no_protection():
    async with new_session() as session:
        with pytest.raises(NotProtected, match="ClientConnectorError"):
            await TaskAgent(session, f"http://127.0.0.1:{free_port()}/api/x").protect(minutes=15)
