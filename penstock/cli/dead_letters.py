"""``dead-letters``: the commands and their options; what they do is in ``penstock.cli.redriving``."""

import typer

from penstock.cli.exits import listing
from penstock.cli.options import (
    AllOfThem,
    ApiName,
    AsJson,
    Confirmed,
    CreatedAfter,
    CreatedBefore,
    ErrorFilter,
    Limit,
    RequestId,
    RequestIds,
    Url,
)

_EXIT_CODES = listing()

dead_letters = typer.Typer(
    name="dead-letters",
    help="Requests that failed: list them, run them again, delete them.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
)


@dead_letters.command("list", epilog=_EXIT_CODES)
def list_dead_letters(
    context: typer.Context,
    api: ApiName,
    *,
    error: ErrorFilter = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List failed requests, newest first, and which request runs each one again."""
    from penstock.cli.redriving import Selected, list_them  # noqa: PLC0415 - loads httpx

    selected = Selected(error=error, created_after=created_after, created_before=created_before)
    list_them(context.obj, api, selected, url=url, limit=limit, as_json=as_json)


@dead_letters.command(epilog=_EXIT_CODES)
def show(
    context: typer.Context, api: ApiName, request_id: RequestId, *, as_json: AsJson = False, url: Url = None
) -> None:
    """Print one failed request."""
    from penstock.cli.redriving import show_one  # noqa: PLC0415 - loads httpx

    show_one(context.obj, api, request_id, url=url, as_json=as_json)


@dead_letters.command(epilog=_EXIT_CODES)
def redrive(
    context: typer.Context,
    api: ApiName,
    request_ids: RequestIds = None,
    *,
    error: ErrorFilter = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    everything: AllOfThem = False,
    url: Url = None,
) -> None:
    """Run failed requests again, each as a new one. Prints old and new ids."""
    from penstock.cli.redriving import Selected  # noqa: PLC0415 - loads httpx
    from penstock.cli.redriving import redrive as run  # noqa: PLC0415 - loads httpx

    selected = Selected(
        ids=request_ids or [],
        error=error,
        created_after=created_after,
        created_before=created_before,
        all=everything,
    )
    run(context.obj, api, selected, url=url)


@dead_letters.command(epilog=_EXIT_CODES)
def purge(
    context: typer.Context,
    api: ApiName,
    request_ids: RequestIds = None,
    *,
    error: ErrorFilter = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    everything: AllOfThem = False,
    yes: Confirmed = False,
    url: Url = None,
) -> None:
    """Delete failed requests for good, with their payloads and results."""
    from penstock.cli.redriving import Selected  # noqa: PLC0415 - loads httpx
    from penstock.cli.redriving import purge as run  # noqa: PLC0415 - loads httpx

    selected = Selected(
        ids=request_ids or [],
        error=error,
        created_after=created_after,
        created_before=created_before,
        all=everything,
    )
    run(context.obj, api, selected, url=url, yes=yes)
