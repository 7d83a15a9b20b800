"""Environment variables and clients that can reach the emulator and nothing else.

A developer's shell often holds real AWS credentials. None of the processes started here may
see them: a bug would then act on a real account.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.aws.emulator import ACCESS_KEY, REGION, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ACCOUNT = "000000000000"

#: Inherited by all descendants of what is started here, so that those left behind can be told by it.
MARKER = "PENSTOCK_LOCAL_STATE_DIR"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the emulator listens."""

    port: int

    @property
    def url(self) -> str:
        """Base of all AWS calls."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return what points an AWS SDK at the emulator, and at no profile of the developer's."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            # The CDK CLI publishes assets with a client that reads only the service's own variable.
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def child_environment(endpoint: Endpoint, state_dir: Path, *, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process of ours: the developer's own, except for its AWS settings."""
    kept = {name: value for name, value in outer.items() if not name.startswith("AWS_")}
    return kept | _unproxied(outer) | endpoint.environment() | {MARKER: str(state_dir.resolve())}


def _unproxied(outer: Mapping[str, str]) -> dict[str, str]:
    # With HTTP_PROXY set, SDKs would send even loopback calls to the proxy.
    return {
        name: ",".join(filter(None, [outer.get(name), "127.0.0.1", "localhost"]))
        for name in ("NO_PROXY", "no_proxy")
    }
