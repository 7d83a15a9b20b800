"""Releases, a registry of images and revisions in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.promotion.releases import Serving

if TYPE_CHECKING:
    from penstock.image_references import EcrImage
    from penstock.promotion.releases import Release
    from penstock.revisions import Place, Revision


class MemoryReleases:
    """The ``Releases`` port: each release is what runs, unless a test says otherwise."""

    def __init__(self, *releases: Release) -> None:
        self.releases = {release.name: release for release in releases}
        #: What runs instead, by API.
        self.running: dict[str, Serving | None] = {}
        #: What the gateway takes something new for; None if it does not say.
        self.takes: frozenset[str] | None = None

    def list(self) -> list[Release]:
        """See ``Releases.list``."""
        return [self.releases[name] for name in sorted(self.releases)]

    def accepting(self) -> frozenset[str] | None:
        """See ``Releases.accepting``."""
        return self.takes

    def serving(self, release: Release) -> Serving | None:
        """See ``Releases.serving``."""
        return self.running.get(release.name, Serving(release.task_definition, "COMPLETED"))


class MemoryRegistry:
    """The ``Registry`` port over dictionaries."""

    def __init__(self) -> None:
        #: Digest by repository and tag.
        self.images: dict[tuple[str, str], str] = {}
        #: Policy by repository.
        self.policies: dict[str, str] = {}

    def digest(self, image: EcrImage) -> str | None:
        """See ``Registry.digest``."""
        return self.images.get((image.repository, image.tag or "latest"))

    def policy(self, image: EcrImage) -> str | None:
        """See ``Registry.policy``."""
        return self.policies.get(image.repository)


class MemoryRevisions:
    """The ``Revisions`` port: a deploy deregisters what ran before, as CloudFormation does."""

    def __init__(self) -> None:
        self._families: dict[str, dict[int, Revision]] = {}
        self._serving: dict[str, int] = {}

    def deploy(self, place: Place, revision: Revision) -> None:
        """Register the next revision and run it."""
        known = self._families.setdefault(place.family, {})
        for number, earlier in known.items():
            known[number] = replace(earlier, active=False)
        known[revision.number] = revision
        self._serving[place.family] = revision.number

    def current(self, place: Place) -> int | None:
        """See ``Revisions.current``."""
        return self._serving.get(place.family)

    def history(self, place: Place, *, below: int) -> list[int]:
        """See ``Revisions.history``."""
        return sorted((number for number in self._families[place.family] if number < below), reverse=True)

    def read(self, place: Place, number: int) -> Revision | None:
        """See ``Revisions.read``."""
        return self._families.get(place.family, {}).get(number)

    def roll_out(self, place: Place, revision: Revision) -> int:
        """See ``Revisions.roll_out``."""
        known, number = self._families[place.family], revision.number
        if place.service is None or not revision.active:
            number = max(known) + 1
            known[number] = replace(revision, number=number, active=True, copy_of=revision.origin)
        self._serving[place.family] = number
        return number
