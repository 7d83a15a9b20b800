"""From an environment's releases and another's file to a configuration that builds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from penstock.image_references import EcrImage, ecr_image, names_a_digest
from penstock.promotion.merging import merged
from penstock.promotion.releases import DEQUEUER, without_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.promotion.releases import Release, Serving


class NotPromoted(Exception):
    """The releases cannot be carried over; the text names the cause."""

    def __init__(self, cause: str, *remedies: str) -> None:
        super().__init__(cause)
        #: What to do about it, a line each.
        self.remedies = remedies


class Registry(Protocol):
    """ECR. Every method may raise ``DependencyError``."""

    def digest(self, image: EcrImage) -> str | None:
        """What the image's tag stands for; None if the repository has no such image."""

    def policy(self, image: EcrImage) -> str | None:
        """The policy of the image's repository, as JSON; None if it has none."""


def check_serving(release: Release, serving: Serving | None, *, deployment: str) -> None:
    """Refuse what is not the state that was tried: NotPromoted if another revision runs, or not all of it."""
    again = f"Deploy {deployment} again, so that what runs is what its configuration says."
    if serving is None:
        raise NotPromoted(f"the service of {release.name} is gone", again)
    if serving.task_definition != release.task_definition:
        running, released = (_revision(arn) for arn in (serving.task_definition, release.task_definition))
        raise NotPromoted(
            f"{release.name} runs {running}, but {released} was deployed last: it was rolled back, or "
            "changed by hand",
            again,
        )
    if serving.rollout == "IN_PROGRESS":
        raise NotPromoted(f"{release.name} is still being rolled out", "Wait until its service is stable.")
    if serving.rollout == "FAILED":
        raise NotPromoted(f"the last rollout of {release.name} failed", again)


def pinned(release: Release, registry: Registry, *, allow_tags: bool) -> dict[str, str]:
    """The release's images by container, each by its digest; NotPromoted where there is none."""
    return {
        container: _pinned(reference, registry, allow_tags=allow_tags, of=f"{release.name}, {container}")
        for container, reference in release.images.items()
    }


def document(
    target: Mapping[str, Any], releases: Sequence[Release], images: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The configuration to deploy: the target's own file over the releases' sections, with their images.

    NotPromoted if the target's file lists an API that has no release.
    """
    own = {entry["name"]: entry for entry in _entries(target)}
    unknown = sorted(own.keys() - {release.name for release in releases})
    if unknown:
        raise NotPromoted(
            f"the file lists the API {unknown[0]}, which the source does not have",
            "Deploy it to the source first, or take it out of the file.",
        )
    apis = [_api(release, own.get(release.name, {}), images[release.name]) for release in releases]
    return {key: value for key, value in target.items() if key != "apis"} | {"apis": apis}


def foreign_accounts(value: Any, accounts: frozenset[str], place: str = "") -> Iterator[str]:
    """Where the configuration names one of these accounts other than by an image."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in {"image", "dequeuer_image"}:
                yield from foreign_accounts(inner, accounts, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            name = inner.get("name", index) if isinstance(inner, dict) else index
            yield from foreign_accounts(inner, accounts, f"{place}[{name}]")
    elif isinstance(value, str) and any(account in value for account in accounts):
        yield place


def _pinned(reference: str, registry: Registry, *, allow_tags: bool, of: str) -> str:
    if names_a_digest(reference):
        return reference
    image = ecr_image(reference)
    if image is None:
        if allow_tags:
            return reference
        raise NotPromoted(
            f"{of}: {reference} is a tag, which may mean another image tomorrow, and only ECR can be asked "
            "what it means",
            "Name the image by its digest (NAME@sha256:…) in the source's configuration and deploy it, or "
            "give --allow-tags.",
        )
    digest = registry.digest(image)
    if digest is None:
        raise NotPromoted(
            f"{of}: the repository has no image {image} any more", "Deploy the source again, which builds it."
        )
    return str(image.pinned(digest))


def _api(release: Release, own: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    section = merged(without_sources(release.section), without_sources(own))
    containers = []
    for container in section["pod"]["containers"]:
        name = container["name"]
        if name not in images:
            raise NotPromoted(
                f"the file gives {release.name} a container {name}, which the source does not have",
                "Deploy it to the source first, or take it out of the file.",
            )
        containers.append({"name": name, "image": images[name], **container})
    pod = section["pod"] | {"containers": containers, "dequeuer_image": images[DEQUEUER]}
    return dict(section | {"pod": pod})


def _entries(target: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The APIs that the target's file lists; what else may be wrong with them is found in the result."""
    apis = target.get("apis", [])
    if not isinstance(apis, list) or not all(_is_entry(api) for api in apis):
        raise NotPromoted(
            "the file's `apis` must be a list of maps with a name, and each pod's `containers` too",
            "Write `apis: [{name: …, pod: {containers: [{name: …}]}}]`.",
        )
    named = [api["name"] for api in apis]
    if len(named) != len(set(named)):
        raise NotPromoted("the file lists an API twice", "Keep one of them.")
    return apis


def _is_entry(api: Any) -> bool:
    if not _is_named(api):
        return False
    pod = api.get("pod", {})
    containers = pod.get("containers", []) if isinstance(pod, dict) else None
    return isinstance(containers, list) and all(map(_is_named, containers))


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)


def _revision(arn: str) -> str:
    return arn.rpartition("/")[2]
