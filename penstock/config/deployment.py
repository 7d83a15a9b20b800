"""The whole of ``penstock.yaml``."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from penstock import names
from penstock.config import identifiers
from penstock.config.access import MOST_CHARACTERS, OF_SIGNERS, Access
from penstock.config.apis import AnyApi
from penstock.config.async_api import AsyncApi
from penstock.config.auth import Auth, AuthMode
from penstock.config.batch_api import BatchApi
from penstock.config.domain import Domain
from penstock.config.encryption import Encryption
from penstock.config.findings import Finding, entries, rejected, validate_with
from penstock.config.monitoring import Monitoring
from penstock.config.network import Network
from penstock.config.reach import unreachable
from penstock.config.section import Section
from penstock.config.tracing import Tracing
from penstock.config.webhook import Callbacks
from penstock.kinds import Kind
from penstock.webhooks.errors import CallbackRefused
from penstock.webhooks.guard import Guard
from penstock.webhooks.own import own_call


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

    callbacks: Callbacks = Field(default_factory=Callbacks)
    """What callbacks and webhooks may call."""

    network: Network = Field(default_factory=Network)
    """Where tasks run."""

    access: Access = Field(default_factory=Access)
    """From where, and from which other accounts, the HTTP API may be called."""

    domain: Domain | None = None
    """A name of your own for the HTTP API."""

    encryption: Encryption = Field(default_factory=Encryption)
    """Which key the data is encrypted with."""

    monitoring: Monitoring = Field(default_factory=Monitoring)
    """Dashboards, alarms and logs."""

    tracing: Tracing | None = None
    """Where traces go. Default: there are none."""

    apis: tuple[AnyApi, ...] = Field(json_schema_extra={"minItems": 1})
    """The APIs, at least one."""

    @property
    def async_apis(self) -> tuple[AsyncApi, ...]:
        """Those for requests."""
        return tuple(api for api in self.apis if isinstance(api, AsyncApi))

    @property
    def batch_apis(self) -> tuple[BatchApi, ...]:
        """Those for jobs."""
        return tuple(api for api in self.apis if isinstance(api, BatchApi))

    @property
    def clusters(self) -> dict[str, str]:
        """ECS clusters of the APIs' tasks, by the APIs' names."""
        return {api.name: api.cluster(self.deployment) for api in self.apis}

    @field_validator("access")
    @classmethod
    def _fits_a_policy(cls, value: Access) -> Access:
        if value.characters > MOST_CHARACTERS:
            raise ValueError(
                f"takes {value.characters} characters in a policy, and API Gateway's has room for "
                f"{MOST_CHARACTERS}: list accounts or organizations instead of principals, ranges instead of "
                "addresses"
            )
        return value

    @field_validator("access")
    @classmethod
    def _signed(cls, value: Access, info: ValidationInfo) -> Access:
        auth = info.data.get("auth")
        if auth is not None and auth.mode is not AuthMode.IAM:
            rejected(
                Finding(
                    (key,), f"tells callers by their signatures, and auth.mode: {auth.mode} asks for none"
                )
                for key in OF_SIGNERS
                if key in value.model_fields_set
            )
        return value

    @field_validator("domain")
    @classmethod
    def _public(cls, value: Domain, info: ValidationInfo) -> Domain:
        access = info.data.get("access")
        if access is not None and access.private:
            raise ValueError(
                "is for a public API, and access.vpc_endpoints makes this one private: leave one of them out"
            )
        return value

    @field_validator("apis", mode="wrap")
    @classmethod
    def _distinct(
        cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> tuple[AnyApi, ...]:
        network, access = info.data.get("network"), info.data.get("access")
        findings = (
            *_collisions(value),
            *_shared_queues(value),
            *_broken_chains(value),
            *_refused_webhooks(value, info.data.get("callbacks")),
            *unreachable(value, network=network, access=access),
        )
        return validate_with(findings, value, handler=handler)


def _collisions(apis: object) -> Iterator[Finding]:
    if isinstance(apis, list | tuple) and not apis:
        yield Finding((), "must list at least one API")
    seen: set[str] = set()
    owners: dict[str, str] = {}
    for index, api in entries(apis):
        name = api.get("name")
        if not isinstance(name, str):
            continue
        if name in seen:
            # Equal names mean equal default endpoints, and one report of the mistake is enough.
            yield Finding((index, "name"), f'must be unique: another API is named "{name}"')
            continue
        seen.add(name)
        path, endpoint = _endpoint(api, name)
        if endpoint in owners:
            yield Finding(
                (index, *path), f'leads to the same endpoint as the API "{owners[endpoint]}": "{endpoint}"'
            )
        owners.setdefault(endpoint, name)


def _shared_queues(apis: object) -> Iterator[Finding]:
    """APIs whose queue would be the dead-letter queue of another."""
    named = [(index, api["name"]) for index, api in entries(apis) if isinstance(api.get("name"), str)]
    owners = {names.dead_letter_queue("", name): name for _, name in named}
    for index, name in named:
        owner = owners.get(names.queue("", name))
        if owner is not None:
            yield Finding((index, "name"), f'is the name of the dead-letter queue of the API "{owner}"')


def _endpoint(api: Any, name: str) -> tuple[tuple[str, ...], str]:
    networking = api.get("networking")
    endpoint = networking.get("endpoint") if isinstance(networking, dict) else None
    if isinstance(endpoint, str):
        return ("networking", "endpoint"), endpoint.removeprefix("/")
    return ("name",), name


def _broken_chains(apis: object) -> Iterator[Finding]:
    """Webhooks that name an AsyncAPI of this deployment that is not there."""
    listed = [(index, api) for index, api in entries(apis) if isinstance(api.get("name"), str)]
    # A job is described, not called with an event.
    known = {_endpoint(api, api["name"])[1] for _, api in listed if api.get("kind") != Kind.BATCH}
    for index, api in listed:
        webhook = api.get("webhook")
        if not isinstance(webhook, dict):
            continue
        chain = webhook.get("chain")
        for number, endpoint in enumerate(chain if isinstance(chain, list | tuple) else ()):
            if _is_segment(endpoint) and endpoint.removeprefix("/") not in known:
                yield Finding(
                    (index, "webhook", "chain", number), f'no AsyncAPI has the endpoint "{endpoint}"'
                )
        endpoint = _own_endpoint(webhook.get("url"))
        if endpoint is not None and endpoint not in known:
            yield Finding((index, "webhook", "url"), f'no AsyncAPI has the endpoint "{endpoint}"')


def _refused_webhooks(apis: object, callbacks: Callbacks | None) -> Iterator[Finding]:
    """Webhooks whose every call the deployment's own rules would refuse."""
    if callbacks is None:
        return
    # The local stages call this machine, too.
    guard = Guard(replace(callbacks.policy(), loopback=True), _pretended)
    for index, api in entries(apis):
        webhook = api.get("webhook")
        url = webhook.get("url") if isinstance(webhook, dict) else None
        if isinstance(url, str) and not url.startswith("/"):
            try:
                guard.admit(url)
            except CallbackRefused as error:
                yield Finding((index, "webhook", "url"), f"is refused: {error}")


def _pretended(host: str) -> tuple[str, ...]:
    """Names are looked up when they are called; until then all but one are taken for public ones."""
    return ("127.0.0.1" if host == "localhost" else "1.1.1.1",)


def _is_segment(endpoint: Any) -> bool:
    try:
        return isinstance(endpoint, str) and bool(identifiers.path_segment(endpoint))
    except ValueError:
        return False  # the field itself says so


def _own_endpoint(url: object) -> str | None:
    try:
        call = own_call(url) if isinstance(url, str) else None
    except CallbackRefused:
        return None  # the field itself says so
    return call.endpoint if call else None
