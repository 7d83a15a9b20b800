"""CDK entry point: ``cdk deploy --all -c config=penstock.yaml -c stage=cloud``."""

from __future__ import annotations

import sys
from pathlib import Path

import aws_cdk

from cdk import release, stage
from cdk.stacks import Sources, add_stacks
from penstock import config

ROOT = Path(__file__).parent


def main() -> None:
    """Synthesise; what the user can correct is told without a traceback."""
    app = aws_cdk.App()
    try:
        add_stacks(
            app,
            config.load(Path(app.node.try_get_context("config") or "penstock.yaml")),
            stage=stage.named(app.node.try_get_context("stage") or "cloud"),
            # Among the templates: two that synthesise at once must not empty each other's bundles.
            sources=Sources(root=ROOT, build_folder=Path(app.outdir) / "bundles"),
        )
    except (config.ConfigError, stage.UnknownStage, stage.NoApis, release.TooLong) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
