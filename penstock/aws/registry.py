"""The ``Registry`` port on ECR, in whatever region and account an image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock.aws.faults import code_of, translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from penstock.image_references import EcrImage

_NO_IMAGE = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})
_NO_POLICY = frozenset({"RepositoryPolicyNotFoundException", "RepositoryNotFoundException"})


class EcrRegistry:
    """Asks the registry that a reference names."""

    def __init__(self, client: Callable[[str], ECRClient]) -> None:
        #: Makes a client for a region.
        self._client = client

    def digest(self, image: EcrImage) -> str | None:
        """See ``Registry.digest``."""
        with translated(f"ask for the digest of {image}"):
            try:
                found = self._client(image.region).describe_images(
                    registryId=image.account,
                    repositoryName=image.repository,
                    imageIds=[{"imageTag": image.tag or "latest"}],
                )
            except ClientError as error:
                if code_of(error) in _NO_IMAGE:
                    return None
                raise
        return next((one["imageDigest"] for one in found["imageDetails"]), None)

    def policy(self, image: EcrImage) -> str | None:
        """See ``Registry.policy``."""
        with translated(f"read the policy of the repository of {image}"):
            try:
                found = self._client(image.region).get_repository_policy(
                    registryId=image.account, repositoryName=image.repository
                )
            except ClientError as error:
                if code_of(error) in _NO_POLICY:
                    return None
                raise
        return found["policyText"]
