"""Container images: built from a folder, taken from a registry, or only named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, DockerBuildSecret, IgnoreMode
from aws_cdk import aws_ecr_assets as ecr_assets

from cdk.stage import Images
from penstock import names
from penstock.image_references import ecr_image
from penstock.instance_types import Architecture

if TYPE_CHECKING:
    from pathlib import Path

    from constructs import Construct

    from penstock.config import Container

#: The tasks' platform, whatever the machine that builds.
_PLATFORMS = {
    Architecture.X86_64: ecr_assets.Platform.LINUX_AMD64,
    Architecture.ARM64: ecr_assets.Platform.LINUX_ARM64,
}

#: Given as ``-c base_image=…``: the build argument BASE_IMAGE of all images.
BASE_IMAGE_CONTEXT = "base_image"
#: Given as ``-c pip_conf=…``: the file that all builds may mount as the secret ``pip.conf``.
PIP_CONF_CONTEXT = "pip_conf"

_DEQUEUER = "ecs_tasks/dequeuer/Dockerfile"


@dataclass(frozen=True, slots=True)
class Built:
    """How images come to be: whether they are built at all, and for what processors."""

    mode: Images
    architecture: Architecture

    @property
    def platform(self) -> ecr_assets.Platform:
        """The platform in the words of CDK."""
        return _PLATFORMS[self.architecture]


@dataclass(frozen=True, slots=True)
class Image:
    """What a container runs, and the private repository to pull it from, if it is one."""

    uri: str
    repository_arn: str | None = None


def of_container(scope: Construct, container: Container, *, built: Built) -> Image:
    """The image of one of the user's containers."""
    if container.image is not None:
        return _from_registry(container.image)
    if built.mode is Images.NAMED:
        return Image(f"{names.PREFIX}/{container.name}")
    asset = ecr_assets.DockerImageAsset(
        scope,
        f"Image-{container.name}",
        directory=str(container.build),
        platform=built.platform,
        **_given_to_builds(scope),
    )
    return Image(asset.image_uri, asset.repository.repository_arn)


def of_dequeuer(scope: Construct, root: Path, *, built: Built, named: str | None) -> Image:
    """The dequeuer's image: the one that the configuration names, or built from the repository itself."""
    if named is not None:
        return _from_registry(named)
    if built.mode is Images.NAMED:
        return Image(f"{names.PREFIX}/dequeuer")
    # CDK reads only a .dockerignore at the root, and fingerprints what this leaves over: the virtual
    # environment and the tests must neither be copied nor make every deploy build a new image.
    ignored = (root / f"{_DEQUEUER}.dockerignore").read_text().split()
    asset = ecr_assets.DockerImageAsset(
        scope,
        "Image-dequeuer",
        directory=str(root),
        file=_DEQUEUER,
        exclude=[*ignored, f"!{_DEQUEUER}"],
        ignore_mode=IgnoreMode.DOCKER,
        platform=built.platform,
        **_given_to_builds(scope),
    )
    return Image(asset.image_uri, asset.repository.repository_arn)


def _given_to_builds(scope: Construct) -> dict[str, Any]:
    """What the machine that builds adds where no public registry is: base image and pip's settings."""
    base, pip = (scope.node.try_get_context(key) for key in (BASE_IMAGE_CONTEXT, PIP_CONF_CONTEXT))
    arguments = {"BASE_IMAGE": str(base)} if base else None
    secrets = {"pip.conf": DockerBuildSecret.from_src(str(pip))} if pip else None
    # Where the file lies differs between machines, and is no reason to build or deploy anew.
    return {
        "build_args": arguments,
        "build_secrets": secrets,
        "invalidation": ecr_assets.DockerImageAssetInvalidationOptions(build_secrets=False),
    }


def _from_registry(reference: str) -> Image:
    private = ecr_image(reference)
    if private is None:
        return Image(reference)
    place = f"{private.region}:{private.account}"
    return Image(reference, f"arn:{Aws.PARTITION}:ecr:{place}:repository/{private.repository}")
