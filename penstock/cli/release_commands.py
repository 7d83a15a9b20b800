"""The commands ``promote`` and ``rollback``, and their options; see ``main`` for all others."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.exits import listing
from penstock.cli.options import ConfigurationOption, Confirmed, KeyStage

_EXIT_CODES = listing()

SourceDeployment = Annotated[
    str,
    typer.Option("--from", metavar="DEPLOYMENT", help="The deployment that was tried.", show_default=False),
]
TargetFile = Annotated[
    Path,
    typer.Option(
        "--to",
        metavar="PATH",
        help="The other environment's file: its deployment's name, and what differs there.",
        show_default=False,
    ),
]
LockFile = Annotated[
    Path | None,
    typer.Option("--output", metavar="PATH", help="What to write. Else beside --to, as NAME.lock.yaml."),
]
TargetAccount = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="ID",
        help="The other environment's AWS account; checks that it may pull the images.",
        show_default=False,
    ),
]
AllowTags = Annotated[
    bool, typer.Option("--allow-tags", help="Take over images of other registries that are named by tag.")
]
ToRevision = Annotated[
    int | None,
    typer.Option(
        "--to-revision",
        metavar="N",
        min=1,
        help="This revision of the task definition. Else the one before the one that runs.",
        show_default=False,
    ),
]
ConfiguredApi = Annotated[str, typer.Argument(metavar="API", help="The API's name.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add both commands."""
    app.command(epilog=_EXIT_CODES)(promote)
    app.command(epilog=_EXIT_CODES)(rollback)


def promote(
    context: typer.Context,
    *,
    source: SourceDeployment,
    target: TargetFile,
    output: LockFile = None,
    account: TargetAccount = None,
    allow_tags: AllowTags = False,
    stage: KeyStage = None,
    yes: Confirmed = False,
) -> None:
    """Write a configuration that deploys exactly what another deployment runs; uses your AWS credentials."""
    from penstock.cli.promote import Options  # noqa: PLC0415 - loads pydantic and YAML
    from penstock.cli.promote import promote as run  # noqa: PLC0415 - as above

    options = Options(
        source=source,
        target=target,
        output=output,
        account=account,
        stage=stage,
        allow_tags=allow_tags,
        confirmed=yes,
    )
    run(context.obj, options)


def rollback(
    context: typer.Context,
    api: ConfiguredApi,
    *,
    to_revision: ToRevision = None,
    config: ConfigurationOption = Path("penstock.yaml"),
    stage: KeyStage = None,
    yes: Confirmed = False,
) -> None:
    """Let an API run again what it ran before its latest deploy; uses your AWS credentials."""
    from penstock.cli.rollback import Options  # noqa: PLC0415 - loads pydantic and YAML
    from penstock.cli.rollback import rollback as run  # noqa: PLC0415 - as above

    options = Options(api=api, config=config, revision=to_revision, stage=stage, confirmed=yes)
    run(context.obj, options)
