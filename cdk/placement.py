"""Where the tasks of an API are put: what the stack of the network has published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_ssm as ssm

from cdk import network
from penstock import names

if TYPE_CHECKING:
    from constructs import Construct

    from penstock.config import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Values are tokens that CloudFormation fills in."""

    subnet_ids: list[str]
    security_group_id: str
    #: Without one a task in a public subnet cannot even pull its image; elsewhere it would be of no use.
    public_address: bool

    @property
    def assign_public_ip(self) -> str:
        """The same in ECS's words."""
        return "ENABLED" if self.public_address else "DISABLED"


def placement(scope: Construct, *, deployment: str, configured: Network) -> Placement:
    """Where tasks of this deployment go."""
    return Placement(
        subnet_ids=ssm.StringListParameter.value_for_typed_list_parameter(
            scope, names.parameter(deployment, network.SUBNET_IDS)
        ),
        security_group_id=ssm.StringParameter.value_for_string_parameter(
            scope, names.parameter(deployment, network.SECURITY_GROUP_ID)
        ),
        public_address=configured.public_addresses,
    )
