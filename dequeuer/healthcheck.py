"""``python -m dequeuer.healthcheck``: exits with 0 if ``/livez`` answers 200.

ECS runs it in the container again and again, so it loads nothing but the standard library.
"""

from __future__ import annotations

import http.client
import os
import sys
from http import HTTPStatus

from dequeuer.settings import WorkerSettings
from penstock import environment

#: A busy event loop answers late; one that is dead, never.
TIMEOUT_SECONDS = 10


def main() -> None:
    """Ask the dequeuer that runs with the same environment; says why if it is not well."""
    settings = environment.read(WorkerSettings, os.environ)
    connection = http.client.HTTPConnection("127.0.0.1", settings.health_port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"no answer: {error!r}")
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        sys.exit(text)


if __name__ == "__main__":
    main()
