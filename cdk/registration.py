"""What an API's stack says of its API, for as long as the stack is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import gateway, publisher
from penstock import names
from penstock.config import AsyncApi
from penstock.deployed import DeployedApi
from scaling_lambda.settings import members_of

if TYPE_CHECKING:
    from penstock.config import BatchApi


class Registration(Construct):
    """The parameter by which the shared functions know an API that has left the configuration."""

    def __init__(self, scope: Construct, id_: str, *, deployment: str, api: AsyncApi | BatchApi) -> None:
        super().__init__(scope, id_)
        scaling = members_of(publisher.scaled(api)) if isinstance(api, AsyncApi) else None
        ssm.CfnParameter(
            self,
            "Parameter",
            name=names.api_parameter(deployment, api.name),
            type="String",
            # 4 KB, and 8 KB for those few cents a month where that is not enough.
            tier="Intelligent-Tiering",
            value=DeployedApi(gateway.entry(api), scaling).to_json(),
        )
