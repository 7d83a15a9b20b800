"""The commands of ``penstock keys``, and their options; see ``main`` for all others."""

from pathlib import Path

import typer

from penstock.cli.exits import listing
from penstock.cli.options import (
    AllowedApis,
    AsJson,
    ConfigurationOption,
    Confirmed,
    KeyId,
    KeyName,
    KeyStage,
)

_EXIT_CODES = listing()
_CONFIGURATION = Path("penstock.yaml")

app = typer.Typer(
    name="keys",
    help="API keys of a deployment with `auth: {mode: api_key}`; uses your AWS credentials.",
    no_args_is_help=True,
)


@app.command(epilog=_EXIT_CODES)
def create(
    context: typer.Context,
    *,
    name: KeyName,
    api: AllowedApis,
    config: ConfigurationOption = _CONFIGURATION,
    stage: KeyStage = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for these APIs. Prints it, this once."""
    from penstock.cli.keys import create as run  # noqa: PLC0415 - loads boto3, pydantic and YAML

    run(context.obj, name, apis=api, path=config, stage=stage, as_json=as_json)


@app.command("list", epilog=_EXIT_CODES)
def list_keys(
    context: typer.Context,
    *,
    config: ConfigurationOption = _CONFIGURATION,
    stage: KeyStage = None,
    as_json: AsJson = False,
) -> None:
    """List keys with their APIs, but without the keys themselves."""
    from penstock.cli.keys import list_keys as run  # noqa: PLC0415 - as above

    run(context.obj, path=config, stage=stage, as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def revoke(
    context: typer.Context,
    key_id: KeyId,
    *,
    config: ConfigurationOption = _CONFIGURATION,
    stage: KeyStage = None,
    yes: Confirmed = False,
) -> None:
    """End a key: its calls are refused from then on."""
    from penstock.cli.keys import revoke as run  # noqa: PLC0415 - as above

    run(context.obj, key_id, path=config, stage=stage, confirmed=yes)
