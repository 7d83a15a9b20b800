"""The options of ``penstock batch``, as the annotations that typer reads; see ``options`` for all others."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.batch.jobs import JobStatus
from penstock.batch.spec import OnBadItem

JobId = Annotated[str, typer.Argument(metavar="JOB", help="What `batch submit` printed.", show_default=False)]
BatchId = Annotated[
    str | None, typer.Argument(metavar="BATCH", help="One of them, with all there is to say.")
]
JobFile = Annotated[
    str | None,
    typer.Option("--file", metavar="PATH", help="The submission, as JSON; - for standard input."),
]
Items = Annotated[
    str | None,
    typer.Option(
        "--items", metavar="PATH", help="The items are these lines of JSON, sent along; - for standard input."
    ),
]
S3Paths = Annotated[
    list[str] | None,
    typer.Option(
        "--s3-path",
        metavar="S3-URL",
        help="The items are in these objects: s3://bucket/prefix; may be repeated. Quote it.",
    ),
]
Includes = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="GLOB", help="Only objects whose s3:// path matches; may be repeated."),
]
Excludes = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="GLOB", help="No objects whose s3:// path matches; may be repeated."),
]
Lines = Annotated[
    bool | None,
    typer.Option(
        "--lines/--paths", help="An item is a line of the objects (JSON lines, CSV), or an object's path."
    ),
]
BatchSize = Annotated[int | None, typer.Option("--batch-size", metavar="N", min=1, help="Items in a batch.")]
BadItem = Annotated[
    OnBadItem | None,
    typer.Option("--on-bad-item", help="What a line that is no item does; else fail.", show_default=False),
]
Workers = Annotated[int | None, typer.Option("--workers", metavar="N", min=1, help="Workers at once.")]
JobTimeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="TIME", help="The job is ended after 30m, 2h, 1h30m, or seconds."),
]
ConfigPairs = Annotated[
    list[str] | None,
    typer.Option(
        "--config", metavar="NAME=VALUE", help="For the container: JSON, or else text; may be repeated."
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config-file", metavar="PATH", help="The same, a JSON object.")
]
KeepResults = Annotated[bool, typer.Option("--results", help="Keep the container's answers.")]
DryRunOnly = Annotated[
    bool, typer.Option("--dry-run", help="Only list the files and count the batches; nothing is made.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Show how it fares until it has ended.")]
WatchTimeout = Annotated[
    int | None,
    typer.Option("--timeout", metavar="SECONDS", min=0, help="Longest time to wait; else to the end."),
]
JobStatusFilter = Annotated[
    JobStatus | None, typer.Option("--status", help="Only jobs of this status.", show_default=False)
]
ListLimit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="The most to list.")]
