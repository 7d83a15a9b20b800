"""When a container is ready for requests, and whether it is alive; names are those of Kubernetes."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, ModelWrapValidatorHandler, model_validator

from penstock.config import identifiers
from penstock.config.findings import Finding, one_of, validate_with
from penstock.config.section import Port, Section, WholeNumber, without_default
from penstock.config.wording import shown

# Stands until the pod fills in its own port, which the probe cannot see.
_PORT_OF_THE_POD = 8080


class HttpGet(Section):
    """Content when a GET is answered with a status from 200 to 399."""

    path: Annotated[
        str, AfterValidator(identifiers.absolute_path), Field(json_schema_extra={"pattern": "^/"})
    ] = "/"
    """Path of the request; starts with a slash."""

    port: Port = Field(default=_PORT_OF_THE_POD, json_schema_extra=without_default)
    """Port to ask. Default: `pod.port`."""


class TcpSocket(Section):
    """Content when the port accepts a connection."""

    port: Port = Field(default=_PORT_OF_THE_POD, json_schema_extra=without_default)
    """Port to connect to. Default: `pod.port`."""


class Exec(Section):
    """Content when a command in the container exits with 0. ECS runs it there, without a shell."""

    command: tuple[str, ...] = Field(min_length=1)
    """The program and its arguments."""


class _Asking(Section):
    """What both probes have in common."""

    http_get: HttpGet | None = None
    """Ask over HTTP."""

    tcp_socket: TcpSocket | None = None
    """Open a TCP connection."""

    initial_delay_seconds: WholeNumber = Field(default=0, ge=0)
    """Seconds from the start of the container to the first try."""

    def with_port(self, port: int) -> Self:
        """Return the probe with this port where the file gave none."""
        changes = {
            name: target.model_copy(update={"port": port})
            for name, target in (("http_get", self.http_get), ("tcp_socket", self.tcp_socket))
            if target is not None and "port" not in target.model_fields_set
        }
        return self.model_copy(update=changes)


class Probe(_Asking):
    """How to see that a container is ready. Exactly one of `http_get` and `tcp_socket`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["http_get"]}, {"required": ["tcp_socket"]}]}
    )

    timeout_seconds: WholeNumber = Field(default=1, ge=1)
    """Seconds after which a try counts as failed."""

    period_seconds: WholeNumber = Field(default=10, ge=1)
    """Seconds between two tries."""

    success_threshold: WholeNumber = Field(default=1, ge=1)
    """Successes in a row after which the container is ready."""

    failure_threshold: WholeNumber = Field(default=3, ge=1)
    """Failures in a row after which it is no longer ready."""

    @model_validator(mode="wrap")
    @classmethod
    def _one_way_to_ask(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return validate_with(one_of(data, "http_get", "tcp_socket"), data, handler=handler)


class LivenessProbe(_Asking):
    """How to see that a container is alive. Exactly one of `http_get`, `tcp_socket` and `exec`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["http_get"]}, {"required": ["tcp_socket"]}, {"required": ["exec"]}]
        }
    )

    exec: Exec | None = None
    """Run a command in the container. Only of an `AsyncAPI`; ECS has limits for it."""

    timeout_seconds: WholeNumber = Field(default=2, ge=1)
    """Seconds after which a try counts as failed. With `exec` 2 to 60."""

    period_seconds: WholeNumber = Field(default=10, ge=1)
    """Seconds between two tries. With `exec` 5 to 300."""

    success_threshold: WholeNumber = Field(default=1, ge=1, le=1)
    """Must be 1, as in Kubernetes: one success takes back all failures."""

    failure_threshold: WholeNumber = Field(default=3, ge=1)
    """Failures in a row after which the task is replaced. With `exec` 1 to 10."""

    @model_validator(mode="wrap")
    @classmethod
    def _one_way_to_ask(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        ways = one_of(data, "http_get", "tcp_socket", "exec")
        return validate_with((*ways, *_beyond_ecs(data)), data, handler=handler)


#: What ECS takes for a health check (API reference, HealthCheck), by our names, with the defaults above.
_ECS_LIMITS = {
    "initial_delay_seconds": (0, 300),
    "timeout_seconds": (2, 60),
    "period_seconds": (5, 300),
    "failure_threshold": (1, 10),
}


def _beyond_ecs(data: object) -> Iterator[Finding]:
    """A command is run by ECS itself, which has limits of its own."""
    if not isinstance(data, Mapping) or "exec" not in data:
        return
    for key, (least, most) in _ECS_LIMITS.items():
        value = data.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and not least <= value <= most:
            yield Finding(
                (key,),
                f"must be from {least} to {most} with exec, which ECS runs as the container's health check, "
                f"not {shown(value)}",
            )
