"""From where, and from which accounts, the HTTP API may be called: its resource policy."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, model_validator
from pydantic.config import JsonDict

from penstock.config import aws_ids
from penstock.config.findings import Finding, each_once, validate_with
from penstock.config.section import Section, without_default

MOST_ENTRIES = 50

#: API Gateway's policy has 8,192 characters. What is always there takes less than the rest.
MOST_CHARACTERS = 6_500

#: Of an entry in the policy, besides itself: quotes and a comma; of an account's, what its ARN has around it.
_AROUND_ENTRY, _AROUND_ACCOUNT = 3, 30

#: The keys that tell callers apart by their signature.
OF_SIGNERS = ("accounts", "principals", "organizations")


def _range(value: str) -> str:
    try:
        aws_ids.address_range(value)
    except ValueError as error:
        raise ValueError(
            "must be an address or a range such as 203.0.113.0/24, without bits behind the prefix"
        ) from error
    return value


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("must list at least one entry; leave the key out for the default")
    if len(value) > MOST_ENTRIES:
        raise ValueError(f"must have at most {MOST_ENTRIES} entries, not {len(value)}")
    each_once(value, what="entry")
    return value


def _listed(schema: JsonDict) -> None:
    without_default(schema)
    schema |= {"minItems": 1, "maxItems": MOST_ENTRIES}


Entry = TypeVar("Entry")
_Some = Annotated[
    tuple[Entry, ...],
    AfterValidator(_each_once),
    Field(json_schema_extra=_listed),
]


class Access(Section):
    """From where, and from which other accounts, the HTTP API may be called. Left out in the local stages."""

    source_ips: _Some[Annotated[str, AfterValidator(_range)]] = ()
    """Addresses and ranges that calls may come from, and no others. Default: all."""

    vpc_endpoints: _Some[
        Annotated[
            str,
            AfterValidator(partial(aws_ids.ec2_id, "vpce")),
            Field(json_schema_extra={"pattern": f"^vpce-{aws_ids.EC2_ID_PATTERN}$"}),
        ],
    ] = ()
    """VPC endpoints for `execute-api` that calls may come through, and no others: the API is private then, \
and cannot be reached from the internet. Not with `source_ips`."""

    accounts: _Some[
        Annotated[
            str,
            AfterValidator(aws_ids.account_id),
            Field(json_schema_extra={"pattern": f"^{aws_ids.ACCOUNT_PATTERN}$"}),
        ],
    ] = ()
    """Other AWS accounts, in quotes, whose users and roles may call if their own policies let them. Only \
with `auth.mode: iam`."""

    principals: _Some[
        Annotated[
            str,
            AfterValidator(aws_ids.principal_arn),
            Field(json_schema_extra={"pattern": f"^{aws_ids.PRINCIPAL_ARN_PATTERN}$"}),
        ],
    ] = ()
    """ARNs of users and roles of other accounts that may call. Only with `auth.mode: iam`."""

    organizations: _Some[
        Annotated[
            str,
            AfterValidator(aws_ids.organization_id),
            Field(json_schema_extra={"pattern": f"^{aws_ids.ORGANIZATION_PATTERN}$"}),
        ],
    ] = ()
    """Ids of AWS organizations whose accounts may call. Only with `auth.mode: iam`."""

    @property
    def characters(self) -> int:
        """What the lists take in the policy."""
        listed = (
            *self.source_ips,
            *self.vpc_endpoints,
            *self.accounts,
            *self.principals,
            *self.organizations,
        )
        return sum(len(entry) + _AROUND_ENTRY for entry in listed) + _AROUND_ACCOUNT * len(self.accounts)

    @property
    def private(self) -> bool:
        """Whether the API can be reached through VPC endpoints only."""
        return bool(self.vpc_endpoints)

    @model_validator(mode="wrap")
    @classmethod
    def _one_side(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return validate_with(_both_sides(data), data, handler=handler)


def _both_sides(data: object) -> Iterator[Finding]:
    if isinstance(data, Mapping) and "source_ips" in data and "vpc_endpoints" in data:
        yield Finding(
            ("source_ips",),
            "has no meaning beside vpc_endpoints: a private API is not called from the internet",
        )
