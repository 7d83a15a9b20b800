"""The ``Releases`` port on SSM and ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock import names
from penstock.aws import accepting
from penstock.aws.faults import code_of, translated
from penstock.promotion.releases import Release, Serving

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ssm import SSMClient

_NO_SERVICE = frozenset({"ClusterNotFoundException", "ServiceNotFoundException"})


class StackReleases:
    """What the stacks of a deployment's APIs left in their parameters, and what their services run."""

    def __init__(self, ssm: SSMClient, ecs: ECSClient, deployment: str) -> None:
        self._ssm = ssm
        self._ecs = ecs
        self._deployment = deployment

    def list(self) -> list[Release]:
        """See ``Releases.list``."""
        with translated("read the releases"):
            pages = self._ssm.get_paginator("get_parameters_by_path").paginate(
                Path=names.releases(self._deployment), Recursive=False
            )
            texts = [parameter["Value"] for page in pages for parameter in page["Parameters"]]
        return sorted(map(Release.from_json, texts), key=lambda release: release.name)

    def accepting(self) -> frozenset[str] | None:
        """See ``Releases.accepting``."""
        with translated("ask which APIs take requests"):
            return accepting.read(self._ssm, self._deployment)

    def serving(self, release: Release) -> Serving | None:
        """See ``Releases.serving``; without a service, the state machine takes the latest revision."""
        with translated(f"look at what {release.name} runs"):
            if release.service is None:
                family = names.task_family(self._deployment, release.name)
                latest = self._ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
                return Serving(latest["taskDefinitionArn"])
            try:
                found = self._ecs.describe_services(cluster=release.cluster, services=[release.service])
            except ClientError as error:
                if code_of(error) in _NO_SERVICE:
                    return None
                raise
        for service in found["services"]:
            if service.get("status") != "INACTIVE":
                newest = next(
                    (one for one in service.get("deployments", []) if one.get("status") == "PRIMARY"), None
                )
                return Serving(service["taskDefinition"], newest.get("rolloutState") if newest else None)
        return None
