"""Asks cdk-nag and cfn-lint what they think of a deployment; part of ``make check``.

``python -m cdk.audit CONFIG…`` synthesises each configuration in the cloud stage, and ends with a list of
what is wrong: findings that are not acknowledged, warnings too, and acknowledgements that fit no finding.
How to acknowledge one is told in ``cdk.acknowledged``.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk
from cdk_nag import AwsSolutionsChecks
from cfnlint import ManualArgs, lint_by_config

from cdk import stage
from cdk.acknowledged import PACK
from cdk.stacks import Sources, add_stacks
from penstock import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ROOT = Path(__file__).parents[1]

#: Each takes a core and 1.2 GB.
_AT_ONCE = 2

#: Any region: what is looked for is wrong in all of them.
_REGION = "us-east-1"

#: CDK itself says that a function comes after its role, though the function names it.
_LINT_IGNORED = ("W3005",)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something to mend or to acknowledge."""

    #: A construct's path, or a template and the resource in it.
    where: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}: {self.text}"


def audit(add: Callable[[aws_cdk.App, Path], None], folder: Path) -> list[Finding]:
    """All findings about what ``add`` adds to an app; its bundles go into the folder it is given.

    cdk-nag prints what it finds as well.
    """
    app = aws_cdk.App(outdir=str(folder / "cdk.out"))
    add(app, folder / "bundles")
    pack = AwsSolutionsChecks(app)
    aws_cdk.Validations.of(app).add_plugins(pack)
    unneeded = list(_unneeded(app, pack))
    try:
        app.synth()
    except RuntimeError as error:
        # What CDK raises once the report is written; without one, something else is wrong.
        if "validation-report.json" not in str(error):
            raise
    return sorted([*unneeded, *_reported(folder / "cdk.out"), *_linted(folder / "cdk.out")])


def _unneeded(app: aws_cdk.App, pack: AwsSolutionsChecks) -> Iterator[Finding]:
    for construct in app.node.find_all():
        acknowledged = [rule for entry in construct.node.metadata for rule in _acknowledged(entry)]
        if not acknowledged:
            continue
        found = {f"{PACK}::{violation.rule_name}" for violation in pack.validate_scope(construct).violations}
        for rule in acknowledged:
            if rule not in found:
                yield Finding(construct.node.path, rule, "is acknowledged, and nothing is found")


def _acknowledged(entry: Any) -> list[str]:
    """What an entry of a construct's metadata acknowledges; CDK acknowledges findings of its own as well."""
    if entry.type != aws_cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY:
        return []
    return [rule for rule in entry.data if rule.startswith(f"{PACK}::")]


def _reported(assembly: Path) -> Iterator[Finding]:
    """Findings of cdk-nag; unlike CDK, we take warnings as seriously as errors."""
    file = assembly / "validation-report.json"
    reports = json.loads(file.read_text())["pluginReports"] if file.exists() else []
    for violation in (violation for report in reports for violation in report["violations"]):
        for construct in violation["violatingConstructs"]:
            yield Finding(construct["constructPath"], violation["ruleName"], violation["description"])


def _linted(assembly: Path) -> Iterator[Finding]:
    options = ManualArgs(
        templates=[str(template) for template in sorted(assembly.glob("*.template.json"))],
        regions=[_REGION],
        ignore_checks=list(_LINT_IGNORED),
    )
    for match in lint_by_config(options):
        path = "/".join(map(str, match.path or []))
        yield Finding(f"{Path(match.filename).name} {path}", match.rule.id, match.message)


def _audited(file: Path) -> list[Finding]:
    def add(app: aws_cdk.App, build_folder: Path) -> None:
        sources = Sources(root=_ROOT, build_folder=build_folder)
        add_stacks(app, config.load(file), stage=stage.named("cloud"), sources=sources)

    with tempfile.TemporaryDirectory() as folder:
        return audit(add, Path(folder))


def main(files: Sequence[str]) -> None:
    """Audit each configuration, two at a time; end with an error if there is anything to say."""
    # Processes of their own, started anew: each needs a node process of its own.
    with ProcessPoolExecutor(_AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            audited = list(pool.map(_audited, map(Path, files)))
        except config.ConfigError as error:
            sys.exit(str(error))
    findings = [f"{file}: {finding}" for file, found in zip(files, audited, strict=True) for finding in found]
    if findings:
        sys.exit("\n".join(findings))


if __name__ == "__main__":
    main(sys.argv[1:])
