"""What the latest deploy of an API was made of, as its stack keeps it in a parameter."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Of the parameter's text. A version that is not this one is not read.
VERSION = 1

#: The container whose image is Penstock's own.
DEQUEUER = "dequeuer"

#: What the section of an API does not carry to another environment: sources of images, which are there
#: built, and what is of a developer's machine.
_LEFT_OUT = "local"
_SOURCES = ("build", "image")


class UnreadableRelease(Exception):
    """The parameter was written by another version of Penstock; deploy the API again with this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One API as it was last deployed."""

    #: Its entry of the configuration, without sources of images.
    section: Mapping[str, Any]
    #: What each container runs, the dequeuer too; tags of ECR's stand for content and never move.
    images: Mapping[str, str]
    cluster: str
    #: ARN of the revision.
    task_definition: str
    #: Its service in the cluster; None of an API for jobs. CDK's JSON leaves out what is null.
    service: str | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Take the name out of the section."""
        object.__setattr__(self, "name", self.section["name"])

    def members(self) -> dict[str, Any]:
        """What the parameter holds, as JSON."""
        return {
            "v": VERSION,
            "section": _inert(self.section),
            "images": self.images,
            "cluster": self.cluster,
            "service": self.service,
            "task_definition": self.task_definition,
        }

    @classmethod
    def from_json(cls, text: str) -> Release:
        """Read what ``members`` gave; raises UnreadableRelease."""
        try:
            members = json.loads(text)
            if members.pop("v") != VERSION:
                raise UnreadableRelease(f"version {VERSION} is needed")
            members["section"] = json.loads(members["section"])
            return cls(**members)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableRelease(str(error)) from error


@dataclass(frozen=True, slots=True)
class Serving:
    """What an API runs now."""

    #: ARN of the revision that new tasks get.
    task_definition: str
    #: ECS's word for how far that got: COMPLETED, IN_PROGRESS, FAILED; None where it says nothing.
    rollout: str | None = None


class Releases(Protocol):
    """The releases of one deployment. Every method may raise ``DependencyError``."""

    def list(self) -> Sequence[Release]:
        """Those of all APIs, by name; may raise UnreadableRelease."""

    def accepting(self) -> frozenset[str] | None:
        """Names of the APIs that the gateway takes something new for; None if it does not say."""

    def serving(self, release: Release) -> Serving | None:
        """What runs in the release's place now; None if the service is gone."""


def _inert(section: Mapping[str, Any]) -> str:
    """JSON in which nobody finds a reference: CloudFormation would put in secrets, SSM refuses ``{{``."""
    return json.dumps(section, separators=(",", ":")).replace("{{", "{\\u007b")


def without_sources(section: Mapping[str, Any]) -> dict[str, Any]:
    """An API's entry of the configuration, without what holds on one machine or in one environment."""
    kept = {key: value for key, value in section.items() if key != _LEFT_OUT}
    if "pod" in kept:
        kept["pod"] = {key: value for key, value in kept["pod"].items() if key != "dequeuer_image"}
        if "containers" in kept["pod"]:
            kept["pod"]["containers"] = [
                {key: value for key, value in container.items() if key not in _SOURCES}
                for container in kept["pod"]["containers"]
            ]
    return kept
