"""Where tasks run: in a network of the deployment's own, or in one that is there already."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import partial
from ipaddress import IPv4Network
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    ModelWrapValidatorHandler,
    Strict,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from penstock.config import aws_ids
from penstock.config.findings import Finding, each_once, validate_with
from penstock.config.section import Section, WholeNumber, without_default

MOST_ZONES = 3
#: ECS takes no more for one service.
MOST_SUBNETS = 16

#: Of RFC 1918. In any other range the network would hide somebody's addresses on the internet.
_PRIVATE_RANGES = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_LARGEST_PREFIX, _SMALLEST_PREFIX = 16, 24
_NO_RANGE = "must be an IPv4 range such as 10.0.0.0/16, without bits behind the prefix"


class NetworkKind(StrEnum):
    """How tasks reach what they call."""

    #: Over an internet gateway, each task with a public address. Nothing costs when idle.
    PUBLIC = "public"
    #: From private subnets, over NAT gateways.
    NAT = "nat"
    #: From isolated subnets, over VPC endpoints: nothing but AWS's own services can be reached.
    ENDPOINTS = "endpoints"
    #: As a VPC of the user's lets them.
    EXISTING = "existing"


class FlowLogs(StrEnum):
    """What VPC flow logs record."""

    #: Nothing.
    NONE = "none"
    #: What was refused: knocks from outside at tasks' addresses.
    REJECTED = "rejected"
    #: Each connection too.
    ALL = "all"


_OWN = (NetworkKind.PUBLIC, NetworkKind.NAT, NetworkKind.ENDPOINTS)
#: The kinds that each key belongs to, where those are not all.
_KINDS: Mapping[str, tuple[NetworkKind, ...]] = MappingProxyType(
    {
        "availability_zones": _OWN,
        "cidr": _OWN,
        "flow_logs": _OWN,
        "nat_gateways": (NetworkKind.NAT,),
        "vpc_id": (NetworkKind.EXISTING,),
        "subnet_ids": (NetworkKind.EXISTING,),
        "security_group_id": (NetworkKind.EXISTING,),
        "assign_public_ip": (NetworkKind.EXISTING,),
    }
)
_NEEDED = ("vpc_id", "subnet_ids")


def _range(value: str) -> str:
    try:
        network = aws_ids.address_range(value)
    except ValueError as error:
        raise ValueError(_NO_RANGE) from error
    if not isinstance(network, IPv4Network):
        raise ValueError(_NO_RANGE)  # noqa: TRY004 - pydantic reports ValueError only
    if not _LARGEST_PREFIX <= network.prefixlen <= _SMALLEST_PREFIX:
        raise ValueError(f"must be a /{_LARGEST_PREFIX} to /{_SMALLEST_PREFIX}, not a /{network.prefixlen}")
    if not any(network.subnet_of(private) for private in _PRIVATE_RANGES):
        raise ValueError(f"must be within {', '.join(map(str, _PRIVATE_RANGES))}: private addresses")
    return value


def _listed(schema: JsonDict) -> None:
    without_default(schema)
    schema |= {"minItems": 1, "maxItems": MOST_SUBNETS}


class Network(Section):
    """Where tasks run. Functions run outside of it."""

    kind: NetworkKind = NetworkKind.PUBLIC
    """`public`: each task has a public address, and nothing may call it. `nat`: private subnets behind NAT \
gateways. `endpoints`: no way out but to AWS's own services. `existing`: a VPC of yours."""

    availability_zones: WholeNumber = Field(default=2, ge=1, le=MOST_ZONES)
    """Availability zones with a subnet each. 1 to 3. Not with `kind: existing`."""

    cidr: Annotated[str, AfterValidator(_range)] = "10.0.0.0/16"
    """Range of the network's addresses, private and a /16 to /24. Not with `kind: existing`."""

    nat_gateways: WholeNumber = Field(default=1, ge=1, json_schema_extra=without_default)
    """NAT gateways, at most one for each availability zone. Only with `kind: nat`; there the default is 1."""

    flow_logs: FlowLogs = FlowLogs.REJECTED
    """What VPC flow logs record: `none`, `rejected` or `all` connections. Not with `kind: existing`."""

    vpc_id: (
        Annotated[
            str,
            AfterValidator(partial(aws_ids.ec2_id, "vpc")),
            Field(json_schema_extra={"pattern": f"^vpc-{aws_ids.EC2_ID_PATTERN}$"}),
        ]
        | None
    ) = None
    """The VPC. Required with `kind: existing`, and only there."""

    subnet_ids: tuple[
        Annotated[
            str,
            AfterValidator(partial(aws_ids.ec2_id, "subnet")),
            Field(json_schema_extra={"pattern": f"^subnet-{aws_ids.EC2_ID_PATTERN}$"}),
        ],
        ...,
    ] = Field(default=(), json_schema_extra=_listed)
    """Its subnets for tasks. Required with `kind: existing`, and only there."""

    security_group_id: (
        Annotated[
            str,
            AfterValidator(partial(aws_ids.ec2_id, "sg")),
            Field(json_schema_extra={"pattern": f"^sg-{aws_ids.EC2_ID_PATTERN}$"}),
        ]
        | None
    ) = None
    """Security group of tasks. Only with `kind: existing`. Default: one is made that lets nothing in."""

    assign_public_ip: Annotated[bool, Strict()] = Field(default=False, json_schema_extra=without_default)
    """Whether tasks have public addresses, for subnets with an internet gateway and no NAT. Only with \
`kind: existing`."""

    @property
    def public_addresses(self) -> bool:
        """Whether tasks have public addresses."""
        return self.kind is NetworkKind.PUBLIC or self.assign_public_ip

    @field_validator("nat_gateways")
    @classmethod
    def _one_a_zone(cls, value: int, info: ValidationInfo) -> int:
        zones = info.data.get("availability_zones", MOST_ZONES)
        if value > zones:
            raise ValueError(f"must be at most {zones}, the number of availability zones, not {value}")
        return value

    @field_validator("subnet_ids")
    @classmethod
    def _some_each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not 1 <= len(value) <= MOST_SUBNETS:
            raise ValueError(f"must list 1 to {MOST_SUBNETS} subnets, not {len(value)}")
        each_once(value, what="subnet")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _keys_of_the_kind(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return validate_with(_misplaced(data), data, handler=handler)


def _misplaced(data: object) -> Iterator[Finding]:
    """Keys of other kinds, and what the kind lacks."""
    if not isinstance(data, Mapping):
        return
    kind = data.get("kind", NetworkKind.PUBLIC)
    if kind not in list(NetworkKind):
        return  # the field itself says so
    for key, kinds in _KINDS.items():
        if key in data and kind not in kinds:
            yield Finding((key,), f"is a key for kind: {' or '.join(kinds)}, and the kind is {kind}")
    if kind == NetworkKind.EXISTING:
        for key in _NEEDED:
            if key not in data:
                yield Finding((), f'needs "{key}" with kind: existing: nothing is looked up in the account')
