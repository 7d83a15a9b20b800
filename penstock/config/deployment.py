"""The whole of ``penstock.yaml``."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, field_validator

from penstock.config import identifiers
from penstock.config.api import AsyncApi
from penstock.config.auth import Auth
from penstock.config.findings import Finding, entries, validate_with
from penstock.config.section import Section


class Config(Section):
    """Everything one deployment consists of."""

    deployment: Annotated[
        str,
        AfterValidator(identifiers.deployment_name),
        Field(
            json_schema_extra={
                "pattern": f"^{identifiers.DNS_LABEL_PATTERN}$",
                "maxLength": identifiers.LONGEST_DEPLOYMENT_CHARACTERS,
            }
        ),
    ]
    """Name of the deployment; part of the name of each AWS resource. Lower-case letters, digits and \
dashes; at most 16 characters."""

    auth: Auth = Field(default_factory=Auth)
    """How callers prove who they are."""

    apis: tuple[AsyncApi, ...] = Field(json_schema_extra={"minItems": 1})
    """The APIs, at least one."""

    @field_validator("apis", mode="wrap")
    @classmethod
    def _distinct(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> tuple[AsyncApi, ...]:
        return validate_with(_collisions(value), value, handler=handler)


def _collisions(apis: object) -> Iterator[Finding]:
    if isinstance(apis, list | tuple) and not apis:
        yield Finding((), "must list at least one API")
    names: set[str] = set()
    owners: dict[str, str] = {}
    for index, api in entries(apis):
        name = api.get("name")
        if not isinstance(name, str):
            continue
        if name in names:
            # Equal names mean equal default endpoints, and one report of the mistake is enough.
            yield Finding((index, "name"), f'must be unique: another API is named "{name}"')
            continue
        names.add(name)
        path, endpoint = _endpoint(api, name)
        if endpoint in owners:
            yield Finding(
                (index, *path), f'leads to the same endpoint as the API "{owners[endpoint]}": "{endpoint}"'
            )
        owners.setdefault(endpoint, name)


def _endpoint(api: Any, name: str) -> tuple[tuple[str, ...], str]:
    networking = api.get("networking")
    endpoint = networking.get("endpoint") if isinstance(networking, dict) else None
    if isinstance(endpoint, str):
        return ("networking", "endpoint"), endpoint.removeprefix("/")
    return ("name",), name
