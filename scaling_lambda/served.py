"""Which APIs are looked at: those of the configuration, and those that have left it and have a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import names
from scaling_lambda.settings import read_api

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.deployed import DeployedApis
    from scaling_lambda.publisher import ScaledApi


class Served:
    """The APIs by name. What has left the configuration is found when it is asked for, once a minute."""

    def __init__(self, deployment: str, configured: Sequence[ScaledApi], *, deployed: DeployedApis) -> None:
        self._deployment = deployment
        self._configured = {api.name: api for api in configured}
        self._deployed = deployed
        self.apis: Mapping[str, ScaledApi] = self._configured

    def refresh(self) -> None:
        """Look for those that have left; ``DependencyError`` leaves it at those that are known."""
        found = (read_api(api.scaling) for api in self._deployed.read() if api.scaling is not None)
        self.apis = {**{api.name: api for api in found}, **self._configured}

    def cluster(self, api: str) -> str:
        """ECS cluster of an API's tasks."""
        return names.cluster_of(self._deployment, api, own=self.apis[api].own_cluster)
