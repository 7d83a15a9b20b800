"""An API for single requests."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from penstock.config import identifiers
from penstock.config.api import Api, Networking
from penstock.config.autoscaling import Autoscaling
from penstock.config.findings import each_once
from penstock.config.section import WholeNumber
from penstock.config.update_strategy import UpdateStrategy
from penstock.config.webhook import RequestWebhook
from penstock.kinds import Kind

if TYPE_CHECKING:
    from penstock.config.pod import Pod

#: A Lambda function answers with at most 6 MB, escaping and headers included.
MOST_INLINE_RESULT_BYTES = 4_000_000


class RequestNetworking(Networking):
    """How clients reach the API, and what of a request reaches the container."""

    forward_headers: tuple[Annotated[str, AfterValidator(identifiers.header_name)], ...] = ()
    """Request headers to store and to pass to the container, besides Content-Type. Credentials, cookies \
and headers of the connection are refused."""

    @field_validator("forward_headers")
    @classmethod
    def _each_header_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        each_once(value, what="header")
        return value


class AsyncApi(Api):
    """An API that answers 202 at once, runs the request later and keeps the result."""

    kind: Literal[Kind.ASYNC]
    """`AsyncAPI`: single requests."""

    autoscaling: Autoscaling = Field(default_factory=Autoscaling, validate_default=True)
    """How many replicas there are."""

    update_strategy: UpdateStrategy = Field(default_factory=UpdateStrategy)
    """How a deployment replaces the running replicas."""

    inline_result_bytes: WholeNumber = Field(default=262_144, ge=0, le=MOST_INLINE_RESULT_BYTES)
    """JSON results up to this many bytes are part of the status answer. 0 to 4000000."""

    webhook: RequestWebhook = Field(default_factory=RequestWebhook)
    """Who is told of each end of a request."""

    networking: RequestNetworking = Field(default_factory=RequestNetworking)
    """How clients reach the API, and what of a request reaches the container."""

    @field_validator("autoscaling")
    @classmethod
    def _aim_at_full_replicas(cls, value: Autoscaling, info: ValidationInfo) -> Autoscaling:
        pod: Pod | None = info.data.get("pod")
        if pod is None or "target_in_flight" in value.model_fields_set:
            return value
        return value.model_copy(update={"target_in_flight": float(pod.max_concurrency)})

    @field_validator("update_strategy")
    @classmethod
    def _goes_on_with_the_fewest(cls, value: UpdateStrategy, info: ValidationInfo) -> UpdateStrategy:
        scaling: Autoscaling | None = info.data.get("autoscaling")
        if scaling is not None:
            bounds = scaling.timetable.widest
            value.percentages(fewest=bounds.fewest, most=bounds.most)
        return value
