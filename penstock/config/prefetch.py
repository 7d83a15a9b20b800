"""What is downloaded from S3 before the containers start."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from penstock.config import identifiers
from penstock.config.section import Section

#: The folder that all containers of a task share.
SHARED_FOLDER = "/mnt"

_SOURCE_PATTERN = f"s3://{identifiers.BUCKET_NAME_PATTERN}/[^*?]*"
_TARGET_PATTERN = f"{SHARED_FOLDER}/.+"
#: S3's longest key.
_LONGEST_KEY_BYTES = 1024


def _source(value: str) -> str:
    if not re.fullmatch(_SOURCE_PATTERN, value):
        raise ValueError(
            "must be an object, s3://bucket/key, or all below a prefix, s3://bucket/prefix/; no wildcards"
        )
    if len(value.split("/", 3)[3].encode()) > _LONGEST_KEY_BYTES:
        raise ValueError(f"must have a key of at most {_LONGEST_KEY_BYTES} bytes")
    return value


def _target(value: str) -> str:
    below = value.removeprefix(f"{SHARED_FOLDER}/")
    parts = below.removesuffix("/").split("/")
    if below == value or {"", ".", ".."} & set(parts) or "\0" in value:
        raise ValueError(
            f"must be a path below {SHARED_FOLDER}, such as {SHARED_FOLDER}/model, without . and .. in it"
        )
    return value


class Prefetch(Section):
    """An object, or all objects below a prefix, that lie in the shared folder when the containers start."""

    source: Annotated[
        str, AfterValidator(_source), Field(json_schema_extra={"pattern": f"^{_SOURCE_PATTERN}$"})
    ] = Field(alias="from")
    """`s3://bucket/key` for one object, `s3://bucket/prefix/` for all below."""

    to: Annotated[str, AfterValidator(_target), Field(json_schema_extra={"pattern": f"^{_TARGET_PATTERN}"})]
    """Where it goes, below `/mnt`: a file for an object, or a folder if it ends with a slash; of a prefix \
always a folder."""

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.source.split("/")[2]

    @property
    def key(self) -> str:
        """The object's key, or the prefix with its slash; empty for the whole bucket."""
        return self.source.split("/", 3)[3]

    @property
    def path(self) -> str:
        """Where it goes, from the shared folder on."""
        return self.to.removeprefix(f"{SHARED_FOLDER}/")

    @property
    def is_prefix(self) -> bool:
        """Whether it stands for all objects below it."""
        return not self.key or self.key.endswith("/")

    @property
    def place(self) -> str:
        """The file that an object becomes, or the folder of a prefix, from the shared folder on."""
        if self.path.endswith("/") and not self.is_prefix:
            return self.path + self.key.rpartition("/")[2]
        return self.path.removesuffix("/")
