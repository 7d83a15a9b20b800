"""The commands of ``penstock batch``; what they do is in ``penstock.cli.jobs``."""

import math

import typer

from penstock.cli.batch_options import (
    BadItem,
    BatchId,
    BatchSize,
    ConfigFile,
    ConfigPairs,
    DryRunOnly,
    Excludes,
    Includes,
    Items,
    JobFile,
    JobId,
    JobStatusFilter,
    JobTimeout,
    KeepResults,
    Lines,
    ListLimit,
    S3Paths,
    Watch,
    WatchTimeout,
    Workers,
)
from penstock.cli.exits import listing
from penstock.cli.options import ApiName, AsJson, CallbackUrl, Key, Url

_EXIT_CODES = listing()

app = typer.Typer(
    name="batch",
    help="Jobs of batch APIs: many items, in batches, on workers that go when all is done.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
)


@app.command(epilog=_EXIT_CODES)
def submit(  # noqa: PLR0913 - a parameter per option is how typer works
    context: typer.Context,
    api: ApiName,
    *,
    file: JobFile = None,
    items: Items = None,
    s3_path: S3Paths = None,
    include: Includes = None,
    exclude: Excludes = None,
    lines: Lines = None,
    batch_size: BatchSize = None,
    on_bad_item: BadItem = None,
    workers: Workers = None,
    timeout: JobTimeout = None,
    config: ConfigPairs = None,
    config_file: ConfigFile = None,
    results: KeepResults = False,
    callback: CallbackUrl = None,
    key: Key = None,
    dry_run: DryRunOnly = False,
    watch: Watch = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Hand in a job. Prints its id; with --watch, its end."""
    from penstock.cli.job_document import JobOptions  # noqa: PLC0415 - loads httpx
    from penstock.cli.jobs import Jobs  # noqa: PLC0415 - loads httpx

    options = JobOptions(
        file=file,
        items=items,
        s3_paths=s3_path or [],
        includes=include or [],
        excludes=exclude or [],
        lines=lines,
        batch_size=batch_size,
        on_bad_item=on_bad_item,
        workers=workers,
        timeout=timeout,
        config=config or [],
        config_file=config_file,
        results=results,
    )
    jobs = Jobs(context.obj, api, url=url, as_json=as_json)
    if dry_run:
        jobs.dry_run(options)
    else:
        jobs.submit(options, key=key, callback=callback, watch=watch)


@app.command(epilog=_EXIT_CODES)
def get(
    context: typer.Context, api: ApiName, job: JobId, *, as_json: AsJson = False, url: Url = None
) -> None:
    """Print where a job is and what came of it."""
    from penstock.cli.jobs import Jobs  # noqa: PLC0415 - loads httpx

    Jobs(context.obj, api, url=url, as_json=as_json).get(job)


@app.command("list", epilog=_EXIT_CODES)
def list_jobs(
    context: typer.Context,
    api: ApiName,
    *,
    status: JobStatusFilter = None,
    limit: ListLimit = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List jobs, newest first."""
    from penstock.cli.jobs import Jobs  # noqa: PLC0415 - loads httpx

    Jobs(context.obj, api, url=url, as_json=as_json).list(status=status, limit=limit)


@app.command(epilog=_EXIT_CODES)
def watch(
    context: typer.Context,
    api: ApiName,
    job: JobId,
    *,
    timeout: WatchTimeout = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Show how a job fares until it has ended; ends as the job did."""
    from penstock.cli.jobs import Jobs  # noqa: PLC0415 - loads httpx

    Jobs(context.obj, api, url=url, as_json=as_json).watch(
        job, timeout_seconds=math.inf if timeout is None else timeout
    )


@app.command(epilog=_EXIT_CODES)
def stop(
    context: typer.Context, api: ApiName, job: JobId, *, as_json: AsJson = False, url: Url = None
) -> None:
    """End a job early: what has no outcome by then is cancelled."""
    from penstock.cli.jobs import Jobs  # noqa: PLC0415 - loads httpx

    Jobs(context.obj, api, url=url, as_json=as_json).stop(job)


@app.command(epilog=_EXIT_CODES)
def retry(
    context: typer.Context,
    api: ApiName,
    job: JobId,
    *,
    watch: Watch = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Run the failed batches of a job again, as a new job. Prints its id; with --watch, its end."""
    from penstock.cli.jobs import Jobs  # noqa: PLC0415 - loads httpx

    Jobs(context.obj, api, url=url, as_json=as_json).retry(job, watch=watch)


@app.command(epilog=_EXIT_CODES)
def failed(
    context: typer.Context,
    api: ApiName,
    job: JobId,
    batch: BatchId = None,
    *,
    limit: ListLimit = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List batches that failed for good, or print one."""
    from penstock.cli.jobs import Jobs  # noqa: PLC0415 - loads httpx

    jobs = Jobs(context.obj, api, url=url, as_json=as_json)
    if batch is None:
        jobs.failed(job, limit=limit)
    else:
        jobs.failed_batch(job, batch)
