"""The commands and their options. What they do is in modules of their own, loaded when needed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from penstock.cli import (
    batch_commands,
    keys_commands,
    lifecycle_commands,
    release_commands,
    simulate_command,
    webhook_commands,
)
from penstock.cli.dead_letters import dead_letters
from penstock.cli.exits import ExitCode, listing
from penstock.cli.options import (
    AnyApiName,
    ApiKeySecret,
    ApiName,
    AsJson,
    CallbackUrl,
    Configuration,
    ContentType,
    Data,
    Deadline,
    File,
    Key,
    Limit,
    Output,
    PayloadUrl,
    Query,
    RequestId,
    RunLimit,
    StatusFilter,
    Timeout,
    Url,
    Version,
    Wait,
    WaitForEnd,
)
from penstock.cli.output import note
from penstock.cli.surroundings import Surroundings
from penstock.limits import Limits

_EXIT_CODES = listing()


class _Program(TyperGroup):
    """All commands. One that is interrupted before it has anything to say does not end in silence."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is named."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            note("Interrupted.")
            raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


app = typer.Typer(
    cls=_Program,
    name="penstock",
    help="Asynchronous requests and batch jobs for long work on your own AWS account.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    # A traceback is for a bug in Penstock, and then Python's own says more.
    pretty_exceptions_enable=False,
)
app.add_typer(batch_commands.app)
app.add_typer(keys_commands.app)
app.add_typer(webhook_commands.app)


@app.callback()
def penstock(
    context: typer.Context,
    *,
    api_key: ApiKeySecret = None,
    _version: Version = False,
) -> None:
    """Asynchronous requests and batch jobs for long work on your own AWS account."""
    surroundings: Surroundings = context.obj
    # An empty variable is how some systems say that there is none.
    key = api_key if api_key is not None else surroundings.environ.get("PENSTOCK_API_KEY") or None
    context.obj = replace(surroundings, api_key=key)


@app.command(epilog=_EXIT_CODES)
def validate(path: Configuration = Path("penstock.yaml")) -> None:
    """Check the configuration file; list its APIs, or every problem in it."""
    from penstock.cli.validate import validate as run  # noqa: PLC0415 - loads pydantic and YAML

    run(path)


@app.command(epilog=_EXIT_CODES)
def submit(  # noqa: PLR0913 - a parameter per option is how typer works
    context: typer.Context,
    api: ApiName,
    *,
    file: File = None,
    data: Data = None,
    payload_url: PayloadUrl = None,
    content_type: ContentType = None,
    key: Key = None,
    query: Query = None,
    run_limit: RunLimit = None,
    deadline: Deadline = None,
    callback: CallbackUrl = None,
    wait: Wait = False,
    timeout: Timeout = 600,
    output: Output = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Hand in a request. Prints its id; with --wait, its result."""
    from penstock.cli.submit import Options  # noqa: PLC0415 - loads httpx
    from penstock.cli.submit import submit as run  # noqa: PLC0415 - loads httpx

    options = Options(
        api=api,
        url=url,
        file=file,
        data=data,
        payload_url=payload_url,
        content_type=content_type,
        key=key,
        query=query or [],
        limits=Limits(timeout_seconds=run_limit, deadline_seconds=deadline),
        callback_url=callback,
        wait=wait,
        timeout_seconds=timeout,
        output=output,
        as_json=as_json,
    )
    run(context.obj, options)


@app.command(epilog=_EXIT_CODES)
def get(
    context: typer.Context,
    api: ApiName,
    request_id: RequestId,
    *,
    wait: WaitForEnd = False,
    timeout: Timeout = 600,
    as_json: AsJson = False,
    output: Output = None,
    url: Url = None,
) -> None:
    """Print where a request is and what came of it."""
    from penstock.cli.requests import get as run  # noqa: PLC0415 - loads httpx

    run(
        context.obj,
        api,
        request_id,
        url=url,
        output=output,
        as_json=as_json,
        timeout_seconds=timeout if wait else None,
    )


@app.command("list", epilog=_EXIT_CODES)
def list_requests(
    context: typer.Context,
    api: ApiName,
    *,
    status: StatusFilter = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List requests, newest first, and say how busy the API is."""
    from penstock.cli.listing import list_requests as run  # noqa: PLC0415 - loads httpx

    run(context.obj, api, url=url, status=status, limit=limit, as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def cancel(
    context: typer.Context,
    api: ApiName,
    request_id: RequestId,
    *,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """End a request that has not finished."""
    from penstock.cli.requests import cancel as run  # noqa: PLC0415 - loads httpx

    run(context.obj, api, request_id, url=url, as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def retry(
    context: typer.Context,
    api: ApiName,
    request_id: RequestId,
    *,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Run a request again that failed, expired or was cancelled. Prints the new request's id."""
    from penstock.cli.requests import retry as run  # noqa: PLC0415 - loads httpx

    run(context.obj, api, request_id, url=url, as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def status(
    context: typer.Context, api: AnyApiName = None, *, as_json: AsJson = False, url: Url = None
) -> None:
    """Tell how the APIs are; with an API, how it is and how its workers are."""
    from penstock.cli.status import all_apis, one_api  # noqa: PLC0415 - loads httpx

    if api is None:
        all_apis(context.obj, url=url, as_json=as_json)
    else:
        one_api(context.obj, api, url=url, as_json=as_json)


app.add_typer(dead_letters)
release_commands.add_to(app)
simulate_command.add_to(app)
lifecycle_commands.add_to(app)


def main() -> None:
    """The `penstock` program."""
    app(obj=Surroundings.real(), prog_name="penstock")
