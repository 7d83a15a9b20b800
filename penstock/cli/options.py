"""The options of the commands, as the annotations that typer reads."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from penstock import __version__
from penstock.cli.output import emit
from penstock.records import Status
from penstock.webhooks.deliveries import State

ApiName = Annotated[
    str,
    typer.Argument(metavar="API", help="The API's name, or its endpoint if it has one.", show_default=False),
]
AnyApiName = Annotated[
    str | None,
    typer.Argument(metavar="[API]", help="The API's name, or its endpoint. Else all.", show_default=False),
]
RequestId = Annotated[str, typer.Argument(metavar="ID", help="What `submit` printed.", show_default=False)]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The server. Else PENSTOCK_URL, else .penstock/endpoint.json in this folder or above.",
    ),
]
ApiKeySecret = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        metavar="KEY",
        help="Sent with each request. Else PENSTOCK_API_KEY, which other users cannot see in `ps`.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the server's JSON document.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="PATH", help="Save the result to this file.", show_default=False),
]
File = Annotated[
    str | None,
    typer.Option("--file", metavar="PATH", help="Send this file, up to 5 GB; - for standard input."),
]
Data = Annotated[str | None, typer.Option("--data", metavar="TEXT", help="Send this text.")]
PayloadUrl = Annotated[
    str | None,
    typer.Option(
        "--payload-url",
        metavar="S3-URL",
        help="Send this object: s3://bucket/key, of a bucket among the API's input_buckets.",
    ),
]
ContentType = Annotated[
    str | None,
    typer.Option(
        "--content-type",
        metavar="TYPE",
        help="Type of the body. Else guessed: by the file's suffix, or whether --data is JSON.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Idempotency-Key: the same key never starts work twice."),
]
Query = Annotated[
    list[str] | None,
    typer.Option("--query", metavar="NAME=VALUE", help="Query parameter; may be repeated."),
]
RunLimit = Annotated[
    int | None,
    typer.Option(
        "--run-limit", metavar="SECONDS", min=1, help="Longest run of one attempt, below the API's."
    ),
]
Deadline = Annotated[
    int | None,
    typer.Option("--deadline", metavar="SECONDS", min=1, help="After this long, no attempt is started."),
]
CallbackUrl = Annotated[
    str | None,
    typer.Option("--callback", metavar="URL", help="Tell this URL of the end.", show_default=False),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the result and print it.")]
WaitForEnd = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the request has ended.")]
StatusFilter = Annotated[
    Status | None, typer.Option("--status", help="Only requests of this status.", show_default=False)
]
DeliveryId = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="What `webhook list` shows.", show_default=False)
]
DeliveryIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="DELIVERY...", help="What `webhook list` shows.", show_default=False),
]
DeliveryState = Annotated[
    State | None, typer.Option("--state", help="Only deliveries in this state.", show_default=False)
]
OfRequest = Annotated[
    str | None,
    typer.Option("--request", metavar="ID", help="Only deliveries of this request.", show_default=False),
]
OfJob = Annotated[
    str | None,
    typer.Option("--job", metavar="ID", help="Only deliveries of this job.", show_default=False),
]
ListenPort = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Where to listen.")]
ListenAnswer = Annotated[
    int, typer.Option("--answer", metavar="CODE", min=200, max=599, help="Status to answer with.")
]
SigningSecret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="SECRET",
        help="Verify with it. Else PENSTOCK_WEBHOOK_SECRET, which others cannot see in `ps`.",
        show_default=False,
    ),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="The most requests to list.")]
RequestIds = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="These dead letters.", show_default=False)
]
ErrorFilter = Annotated[
    str | None, typer.Option("--error", metavar="CODE", help="Only those that failed with this code.")
]
CreatedAfter = Annotated[
    str | None,
    typer.Option(
        "--created-after",
        metavar="TIME",
        help="Only requests made at this moment or later, such as 2026-10-01T12:00:00Z.",
    ),
]
CreatedBefore = Annotated[
    str | None,
    typer.Option("--created-before", metavar="TIME", help="Only requests made before this moment."),
]
AllOfThem = Annotated[bool, typer.Option("--all", help="All dead letters of the API.")]
Timeout = Annotated[int, typer.Option("--timeout", metavar="SECONDS", min=0, help="Longest time to wait.")]
Configuration = Annotated[Path, typer.Argument(metavar="PATH", help="The configuration.")]

ConfigurationOption = Annotated[
    Path, typer.Option("--config", metavar="PATH", help="The deployment's configuration.")
]


class StageName(StrEnum):
    """Which deployment's keys are meant."""

    #: In the account of the AWS credentials.
    CLOUD = "cloud"
    #: The one that `make local` keeps up.
    LOCAL = "local"


KeyStage = Annotated[
    StageName | None,
    typer.Option("--stage", help="Where the deployment is. Else local if `make local` runs here, or cloud."),
]
KeyName = Annotated[
    str, typer.Option("--name", metavar="NAME", help="What people call the key.", show_default=False)
]
AllowedApis = Annotated[
    list[str],
    typer.Option(
        "--api", metavar="API", help="An API that it may call; may be repeated.", show_default=False
    ),
]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="What `keys list` shows.", show_default=False)]
Destroyed = Annotated[
    bool, typer.Option("--data", help="Delete table, bucket, secrets and logs as well. Not to be undone.")
]
WaitUntilEmpty = Annotated[
    bool, typer.Option("--wait", help="Wait until each has nothing left to do, then delete it.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Check only what needs no AWS account.")]
Confirmed = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        emit(f"penstock {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]
