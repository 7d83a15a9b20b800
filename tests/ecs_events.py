"""Events of ECS in the form that its documentation gives ("Task state change events" and the like)."""

from __future__ import annotations

from typing import Any

ACCOUNT = "111122223333"
REGION = "eu-west-1"


def task_stopped(
    deployment: str,
    api: str,
    *,
    reason: str,
    code: str,
    containers: tuple[dict[str, Any], ...] = (),
    of_service: bool = True,
    cluster: str | None = None,
) -> dict[str, Any]:
    """A task state change."""
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
    family, cluster = f"penstock-{deployment}-{api}", cluster or f"penstock-{deployment}"
    task_arn = f"{arn}:task/{cluster}/c13b4cb40f1f4fe4a2971f76ae5a47ad"
    return {
        "version": "0",
        "id": "3317b2af-7005-947d-b652-f55e762e571a",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": ACCOUNT,
        "time": "2020-01-23T17:57:58Z",
        "region": REGION,
        "resources": [task_arn],
        "detail": {
            "clusterArn": f"{arn}:cluster/{cluster}",
            "taskArn": task_arn,
            "taskDefinitionArn": f"{arn}:task-definition/{family}:1",
            "group": f"service:{api}" if of_service else f"family:{family}",
            "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED",
            "stopCode": code,
            "stoppedReason": reason,
            "createdAt": "2020-01-23T17:57:34.402Z",
            "startedAt": "2020-01-23T17:57:40.514Z",
            "stoppedAt": "2020-01-23T17:57:58.103Z",
            "containers": [
                {
                    "containerArn": f"{arn}:container/{name}",
                    "taskArn": task_arn,
                    "lastStatus": "STOPPED",
                    **container,
                    "name": name,
                }
                for name, container in ((one.get("name", "server"), one) for one in containers)
            ],
            "launchType": "FARGATE",
            "version": 6,
        },
    }


def deployment_event(
    deployment: str, api: str, name: str = "SERVICE_DEPLOYMENT_FAILED", *, cluster: str | None = None
) -> dict[str, Any]:
    """A deployment state change."""
    where = cluster or f"penstock-{deployment}"
    return {
        "version": "0",
        "id": "ddca6449-b258-46c0-8653-e0e3aEXAMPLE",
        "detail-type": "ECS Deployment State Change",
        "source": "aws.ecs",
        "account": ACCOUNT,
        "time": "2020-05-23T12:31:14Z",
        "region": REGION,
        "resources": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{where}/{api}"],
        "detail": {
            "eventType": "ERROR",
            "eventName": name,
            "deploymentId": "ecs-svc/123",
            "updatedAt": "2020-05-23T11:11:11Z",
            "reason": "ECS deployment circuit breaker: task failed to start.",
        },
    }
