"""The commands of ``penstock webhook``, and their options; see ``main`` for all others."""

from pathlib import Path

import typer

from penstock.cli.exits import listing
from penstock.cli.options import (
    ApiName,
    AsJson,
    ConfigurationOption,
    DeliveryId,
    DeliveryIds,
    DeliveryState,
    KeyStage,
    Limit,
    ListenAnswer,
    ListenPort,
    OfJob,
    OfRequest,
    SigningSecret,
    Timeout,
    Url,
)

_EXIT_CODES = listing()
_CONFIGURATION = Path("penstock.yaml")

app = typer.Typer(name="webhook", help="What receivers were told, and how.", no_args_is_help=True)
secrets = typer.Typer(
    name="secret",
    help="Secrets that webhooks are signed with; uses your AWS credentials.",
    no_args_is_help=True,
)
app.add_typer(secrets)


@app.command("list", epilog=_EXIT_CODES)
def list_deliveries(
    context: typer.Context,
    api: ApiName,
    *,
    state: DeliveryState = None,
    request: OfRequest = None,
    job: OfJob = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List deliveries, newest first."""
    from penstock.cli.webhooks import list_deliveries as run  # noqa: PLC0415 - loads httpx

    run(
        context.obj,
        api,
        url=url,
        state=state,
        request_id=request,
        job_id=job,
        limit=limit,
        as_json=as_json,
    )


@app.command(epilog=_EXIT_CODES)
def show(
    context: typer.Context, api: ApiName, delivery: DeliveryId, *, as_json: AsJson = False, url: Url = None
) -> None:
    """Print a delivery with its attempts and its event."""
    from penstock.cli.webhooks import show as run  # noqa: PLC0415 - as above

    run(context.obj, api, delivery, url=url, as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def replay(
    context: typer.Context,
    api: ApiName,
    deliveries: DeliveryIds = None,
    *,
    state: DeliveryState = None,
    limit: Limit = 50,
    url: Url = None,
) -> None:
    """Send deliveries again: those that are named, or the newest ones in a state."""
    from penstock.cli.webhooks import replay as run  # noqa: PLC0415 - as above

    run(context.obj, api, deliveries or [], url=url, state=state, limit=limit)


@app.command("test", epilog=_EXIT_CODES)
def send_test(context: typer.Context, api: ApiName, *, timeout: Timeout = 30, url: Url = None) -> None:
    """Send a test event to the API's webhook, and say what it answered."""
    from penstock.cli.webhooks import send_test as run  # noqa: PLC0415 - as above

    run(context.obj, api, url=url, timeout_seconds=timeout)


@app.command(epilog=_EXIT_CODES)
def listen(
    context: typer.Context,
    *,
    port: ListenPort = 8900,
    answer: ListenAnswer = 200,
    secret: SigningSecret = None,
) -> None:
    """Receive webhooks on this machine: verify and print them, until Ctrl-C."""
    from penstock.cli.webhook_listen import listen as run  # noqa: PLC0415 - not needed otherwise

    run(context.obj, port=port, answer=answer, secret=secret)


@secrets.command(epilog=_EXIT_CODES)
def create(
    context: typer.Context,
    api: ApiName,
    *,
    config: ConfigurationOption = _CONFIGURATION,
    stage: KeyStage = None,
) -> None:
    """Make the secret of an API's webhooks. Prints it."""
    from penstock.cli.webhook_secrets import create as run  # noqa: PLC0415 - loads boto3

    run(context.obj, api, path=config, stage=stage)


@secrets.command(epilog=_EXIT_CODES)
def rotate(
    context: typer.Context,
    api: ApiName,
    *,
    config: ConfigurationOption = _CONFIGURATION,
    stage: KeyStage = None,
) -> None:
    """Replace the secret; for a day, webhooks are signed with both. Prints the new one."""
    from penstock.cli.webhook_secrets import rotate as run  # noqa: PLC0415 - as above

    run(context.obj, api, path=config, stage=stage)
