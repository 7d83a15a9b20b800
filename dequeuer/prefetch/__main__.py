"""``python -m dequeuer.prefetch``: the init container of a task whose pod has a ``prefetch``."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - read at run time, by penstock.environment

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from dequeuer.clients import TRIES
from dequeuer.prefetch.bucket import Buckets
from dequeuer.prefetch.disk import SharedFolder
from dequeuer.prefetch.download import STREAMS, Download
from dequeuer.prefetch.faults import Fault
from dequeuer.prefetch.plan import WantedList, apart, files
from dequeuer.telemetry import configure_logging
from penstock import environment

logger = logging.getLogger("dequeuer.prefetch")

_AWS = AioConfig(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": TRIES},
    max_pool_connections=STREAMS,
    signature_version="s3v4",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefetchSettings:
    """Each field is read from ``PENSTOCK_`` and its name in capitals."""

    api: str
    prefetch: WantedList
    #: The folder that all containers of the task share.
    mnt: Path


def main() -> None:
    """Download; exits with 78 if the environment is not usable, else as the ``Fault`` says."""
    try:
        settings = environment.read(PrefetchSettings, os.environ)
    except environment.SettingsError as error:
        sys.stderr.write(f"dequeuer.prefetch: {error}\n")
        sys.exit(os.EX_CONFIG)
    configure_logging(settings.api, service="prefetch")
    try:
        asyncio.run(prefetch(settings))
    except Fault as fault:
        logger.error(str(fault), extra={"action": "prefetch", "fault": type(fault).__name__})  # noqa: TRY400 - the text says it all
        sys.exit(fault.exit_code)


async def prefetch(settings: PrefetchSettings) -> None:
    """Have all that is wanted in the shared folder; ``Fault``."""
    async with get_session().create_client("s3", config=_AWS) as client:
        buckets = Buckets(client)
        found = [(wanted, await buckets.list(wanted)) for wanted in settings.prefetch.entries]
        planned = apart(file for wanted, listed in found for file in files(wanted, listed))
        await Download(buckets, SharedFolder(settings.mnt), clock=time.monotonic).run(planned)


if __name__ == "__main__":
    main()
