"""When a container is ready for requests."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, ModelWrapValidatorHandler, model_validator

from penstock.config import identifiers
from penstock.config.findings import one_of, validate_with
from penstock.config.section import Port, Section, WholeNumber, without_default

# Stands until the pod fills in its own port, which the probe cannot see.
_PORT_OF_THE_POD = 8080


class HttpGet(Section):
    """Ready when a GET is answered with a status from 200 to 399."""

    path: Annotated[
        str, AfterValidator(identifiers.absolute_path), Field(json_schema_extra={"pattern": "^/"})
    ] = "/"
    """Path of the request; starts with a slash."""

    port: Port = Field(default=_PORT_OF_THE_POD, json_schema_extra=without_default)
    """Port to ask. Default: `pod.port`."""


class TcpSocket(Section):
    """Ready when the port accepts a connection."""

    port: Port = Field(default=_PORT_OF_THE_POD, json_schema_extra=without_default)
    """Port to connect to. Default: `pod.port`."""


class Probe(Section):
    """How to see that a container is ready. Exactly one of `http_get` and `tcp_socket`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["http_get"]}, {"required": ["tcp_socket"]}]}
    )

    http_get: HttpGet | None = None
    """Ask over HTTP."""

    tcp_socket: TcpSocket | None = None
    """Open a TCP connection."""

    initial_delay_seconds: WholeNumber = Field(default=0, ge=0)
    """Seconds from the start of the container to the first try."""

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

    def with_port(self, port: int) -> Self:
        """Return the probe with this port where the file gave none."""
        changes = {
            name: target.model_copy(update={"port": port})
            for name, target in (("http_get", self.http_get), ("tcp_socket", self.tcp_socket))
            if target is not None and "port" not in target.model_fields_set
        }
        return self.model_copy(update=changes)
