"""The entries of ``apis``: each is read as what its ``kind`` says."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from penstock.config.async_api import AsyncApi
from penstock.config.batch_api import BatchApi
from penstock.config.findings import Finding, rejected, rejection
from penstock.config.wording import shown
from penstock.kinds import Kind

#: Pydantic puts the kind behind an entry's index in the place of each error in it.
SECTIONS: Mapping[str, type[AsyncApi | BatchApi]] = MappingProxyType(
    {Kind.ASYNC: AsyncApi, Kind.BATCH: BatchApi}
)

_FOREIGN_KINDS = frozenset({"RealtimeAPI", "TaskAPI", "TrafficSplitter"})


def _of_a_kind(value: Any, handler: ValidatorFunctionWrapHandler) -> AsyncApi | BatchApi:
    """Report a kind that does not exist, and nothing else: what is right depends on it."""
    if isinstance(value, Mapping):
        rejected(_kindless(value))
    elif not isinstance(value, AsyncApi | BatchApi):
        raise rejection(f"must be a map of keys and values, not {shown(value)}")
    found: AsyncApi | BatchApi = handler(value)
    return found


def _kindless(api: Mapping[str, Any]) -> Iterator[Finding]:
    if "kind" not in api:
        yield Finding(("kind",), "is required")
    elif (kind := api["kind"]) not in list(Kind):
        yield Finding(("kind",), *_no_kind(kind))


def _no_kind(kind: object) -> tuple[str, str | None]:
    kinds = ", ".join(Kind)
    if isinstance(kind, str) and kind in _FOREIGN_KINDS:
        return f"{kind} is a kind of Cortex's that Penstock does not have; the kinds are: {kinds}", None
    near = get_close_matches(kind, list(Kind), n=1) if isinstance(kind, str) else []
    return f"must be one of the kinds that exist, {kinds}, not {shown(kind)}", near[0] if near else None


AnyApi = Annotated[AsyncApi | BatchApi, Field(discriminator="kind"), WrapValidator(_of_a_kind)]
