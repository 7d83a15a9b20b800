"""References to container images, as far as a registry of ECR can be asked about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_ECR = re.compile(
    r"(?P<host>(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)"
    r"/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class EcrImage:
    """An image in a private repository of ECR."""

    host: str
    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None

    def pinned(self, digest: str) -> EcrImage:
        """The same repository's image of that digest; a tag beside it would only mislead."""
        return replace(self, tag=None, digest=digest)

    def __str__(self) -> str:
        """The reference as a task definition takes it."""
        end = f"@{self.digest}" if self.digest else f":{self.tag or 'latest'}"
        return f"{self.host}/{self.repository}{end}"


def ecr_image(reference: str) -> EcrImage | None:
    """Read a reference; None if it is of any other registry."""
    found = _ECR.fullmatch(reference)
    return EcrImage(**found.groupdict()) if found else None


def names_a_digest(reference: str) -> bool:
    """Whether the reference can only ever mean one image."""
    return _DIGEST.fullmatch(reference) is not None
