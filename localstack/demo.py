"""``make demo``: two real requests and two real batch jobs through the whole stack on this machine.

A text to ``word-count`` and a picture to ``thumbnail``, then numbers to ``sum-batch`` and pictures to
``image-batch``, by the client library that users have, over HTTP. Exits with 0 if all results are
right, else with 1 and the reason.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from rich.console import Console

from localstack.__main__ import on_signals
from localstack.console import Screen
from localstack.demo_failed import DemoFailed
from localstack.demo_jobs import run_jobs
from localstack.demo_picture import picture
from localstack.endpoint_file import EndpointFile
from localstack.errors import Interrupted, LocalError
from localstack.options import PROJECT, Options
from localstack.state import DEFAULT_STATE_DIR, State
from localstack.up import running
from penstock.aws import emulator
from penstock.client import Client, ClientError
from penstock.config import ConfigError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from localstack.up import LocalStack
    from penstock.client import RequestState

TEXT = PROJECT / "LICENSE"
PICTURE = Path("demo-output/thumbnail.png")
WAIT_SECONDS = 60
THUMBNAIL_PIXELS = 160


@dataclass(frozen=True, slots=True)
class Order:
    """One request of the demo."""

    api: str
    body: bytes
    content_type: str
    query: tuple[tuple[str, str], ...]
    told: str


def main() -> int:
    """Run the demo and return the exit code."""
    console = Console()
    screen = Screen(console)
    interrupt = on_signals(DEFAULT_STATE_DIR)
    try:
        with _stack(screen, interrupt) as stack, Client(stack.url) as client:
            _count_words(client, screen)
            _make_thumbnail(client, screen)
            run_jobs(client, emulator.session().client("s3", endpoint_url=stack.aws_endpoint_url), screen)
            screen.tell("Both requests and both jobs are completed, and all results are right.")
    except Interrupted as interrupted:
        screen.tell(str(interrupted))
        return 130
    except (LocalError, ConfigError, ClientError, DemoFailed) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        console.print(f"Logs are in {DEFAULT_STATE_DIR / 'logs'}", markup=False)
        return 1
    return 0


@contextmanager
def _stack(screen: Screen, interrupt: threading.Event) -> Iterator[EndpointFile | LocalStack]:
    """The stack that `make local` keeps up, or of one that ends with the demo."""
    state = State(DEFAULT_STATE_DIR.resolve())
    if state.holder() is not None and state.endpoint.exists():
        screen.tell("Using the stack that is already running")
        yield EndpointFile.read(state.endpoint)
        return
    with running(PROJECT / "penstock.yaml", Options(tell=screen.tell, interrupt=interrupt)) as local:
        screen.tell(f"The API is at {local.url}")
        yield local
        screen.tell("Ending the stack")


def _count_words(client: Client, screen: Screen) -> None:
    text = TEXT.read_bytes()
    state = _run(
        client,
        screen,
        Order(
            "word-count",
            text,
            "text/plain",
            (("top", "3"), ("delay", "1")),
            f"{TEXT.name}, {len(text)} bytes",
        ),
    )
    result: Any = state.result
    screen.tell(f"  result: {result['words']} words, most common: {result['most_common']}")
    if result["characters"] != len(text.decode()):
        raise DemoFailed(f"word-count saw {result['characters']} characters; {len(text)} were sent.")


def _make_thumbnail(client: Client, screen: Screen) -> None:
    image = picture()
    size = (("size", str(THUMBNAIL_PIXELS)),)
    state = _run(
        client, screen, Order("thumbnail", image, "image/jpeg", size, f"a JPEG of {len(image)} bytes")
    )
    PICTURE.parent.mkdir(exist_ok=True)
    client.download("thumbnail", state.id, PICTURE)
    with Image.open(PICTURE) as thumbnail:
        shape, kind = thumbnail.size, thumbnail.format
    if kind != "PNG" or max(shape) != THUMBNAIL_PIXELS:
        raise DemoFailed(f"thumbnail gave a {kind} of {shape} instead of a PNG of {THUMBNAIL_PIXELS} pixels.")
    screen.tell(f"  result: {PICTURE} ({kind}, {shape[0]} x {shape[1]})")


def _run(client: Client, screen: Screen, order: Order) -> RequestState:
    started = time.monotonic()
    screen.tell(f"POST /async/{order.api}: {order.told}")
    submission = client.submit(order.api, order.body, content_type=order.content_type, query=order.query)
    screen.tell(f"  202 {submission.id}")

    def show(state: RequestState) -> None:
        screen.tell(f"  {state.status} after {time.monotonic() - started:.2f} s")

    state = client.wait(order.api, submission.id, timeout_seconds=WAIT_SECONDS, on_change=show)
    if state.status != "completed":
        raise DemoFailed(f"The request to {order.api} ended as {state.status}: {state.error}")
    return state


if __name__ == "__main__":
    sys.exit(main())
