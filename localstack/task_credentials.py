"""What a task's processes prove with who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localstack.cluster import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sts import STSClient

    from localstack.cluster import Task


def unrestricted(_task: Task) -> Mapping[str, str]:
    """Nothing of their own: all processes have the fake credentials, which may do anything."""
    return {}


class RoleCredentials:
    """Credentials of each task's own role, as ECS hands them out. They last an hour and are not renewed."""

    def __init__(self, client: STSClient) -> None:
        self._client = client

    def __call__(self, task: Task) -> Mapping[str, str]:
        """Return variables for the processes of one task; nothing where its definition names no role.

        Raises ClusterUnreachable if the emulator gives no answer.
        """
        role_arn = task.definition.role_arn
        if role_arn is None:
            return {}
        with translated():
            session = self._client.assume_role(RoleArn=role_arn, RoleSessionName=task.short_id)
        credentials = session["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
