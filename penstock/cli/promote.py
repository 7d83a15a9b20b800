"""``promote``: one environment's images and configuration, written down for another to deploy."""

from __future__ import annotations

import difflib
import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.cli.asking import confirm
from penstock.cli.exits import ExitCode
from penstock.cli.key_ring import operating, url_of_local
from penstock.cli.output import emit, note, stopped
from penstock.config import ConfigError
from penstock.config.loader import parse, read
from penstock.config.writing import dump
from penstock.image_references import ecr_image
from penstock.promotion import repository_policy
from penstock.promotion.promote import NotPromoted, check_serving, document, foreign_accounts, pinned
from penstock.promotion.releases import UnreadableRelease

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from penstock.cli.options import StageName
    from penstock.cli.surroundings import Surroundings
    from penstock.image_references import EcrImage
    from penstock.promotion.promote import Registry
    from penstock.promotion.releases import Release, Releases


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked of the command."""

    #: The deployment that was tried.
    source: str
    #: The other environment's file.
    target: Path
    output: Path | None
    #: The other environment's account, if it is another one.
    account: str | None
    stage: StageName | None
    allow_tags: bool
    confirmed: bool


def promote(surroundings: Surroundings, options: Options) -> None:
    """Show what changes, ask, and write the configuration to deploy."""
    target = _target(options.target)
    output = options.output or options.target.with_name(f"{options.target.stem}.lock.yaml")
    if output.resolve() == options.target.resolve():
        raise stopped(
            ExitCode.BAD_INPUT, f"{output} cannot be both read and written.", "Give another --output."
        )
    url = url_of_local(surroundings, options.source, options.stage)
    try:
        with operating():
            releases = _releases(surroundings.releases(options.source, url), options.source)
            registry = surroundings.registry(url)
            images = {
                release.name: pinned(release, registry, allow_tags=options.allow_tags) for release in releases
            }
            _check_account(registry, images, options.account)
        found = document(target, releases, images)
    except NotPromoted as error:
        raise stopped(ExitCode.REFUSED, f"{error}.", *error.remedies) from error
    text = _header(options) + dump(found)
    _check(text, output, options)
    _tell_of_accounts(found, releases, options.account)
    _write(text, output, confirmed=options.confirmed)


def _target(path: Path) -> Mapping[str, Any]:
    try:
        return read(path).data
    except ConfigError as error:
        raise stopped(
            ExitCode.BAD_INPUT, str(error), "Name the other environment's file with --to."
        ) from error


def _releases(found: Releases, deployment: str) -> Sequence[Release]:
    try:
        deployed = found.list()
    except UnreadableRelease as error:
        raise NotPromoted(
            f"{deployment} was deployed by another version of Penstock ({error})",
            f"Deploy {deployment} again with this version.",
        ) from error
    accepted = found.accepting()
    releases = [one for one in deployed if accepted is None or one.name in accepted]
    for departed in (one.name for one in deployed if one not in releases):
        note(f"{departed} is not carried: the gateway of {deployment} takes nothing new for it.")
    if not releases:
        raise NotPromoted(
            f"no API of {deployment} says what it was deployed of",
            "Check the deployment's name, your credentials and region. If an earlier version of Penstock "
            "deployed it, deploy it again.",
        )
    for release in releases:
        check_serving(release, found.serving(release), deployment=deployment)
    return releases


def _check_account(registry: Registry, images: Mapping[str, Mapping[str, str]], account: str | None) -> None:
    """Refuse images that the other environment's account may not pull."""
    if account is None:
        return
    for image in _repositories(images):
        policy = None if image.account == account else registry.policy(image)
        if image.account == account or repository_policy.lets_pull(policy, account):
            continue
        statements = json.loads(policy)["Statement"] if policy else []
        wanted = {"Version": "2012-10-17", "Statement": [*statements, repository_policy.statement(account)]}
        raise NotPromoted(
            f"the account {account} may not pull from the repository {image.repository} of {image.account}",
            f"Allow it, with credentials of {image.account}:",
            f"aws ecr set-repository-policy --region {image.region} --repository-name {image.repository} "
            f"--policy-text {shlex.quote(json.dumps(wanted))}",
        )


def _repositories(images: Mapping[str, Mapping[str, str]]) -> Iterable[EcrImage]:
    """An image of each repository of ECR."""
    found = [ecr_image(reference) for used in images.values() for reference in used.values()]
    return {(image.host, image.repository): image for image in found if image is not None}.values()


def _header(options: Options) -> str:
    return (
        f"# Written by `penstock promote --from {options.source} --to {options.target.name}`. Do not edit: "
        "change those two\n# and promote again. Keep each version: to go back, deploy an earlier one.\n"
    )


def _check(text: str, output: Path, options: Options) -> None:
    try:
        parse(text, output)
    except ConfigError as error:
        raise stopped(
            ExitCode.BAD_INPUT,
            f"{options.target} over {options.source} gives no valid configuration; nothing was written.",
            str(error),
            f"Lines are those of what {output} would be. Correct {options.target}.",
        ) from error


def _tell_of_accounts(found: Mapping[str, Any], releases: Sequence[Release], account: str | None) -> None:
    """Warn of what was carried along and names things of the source's account."""
    # arn:aws:ecs:region:account:…
    sources = frozenset(release.task_definition.split(":")[4] for release in releases)
    if account is None:
        note(f"Another account than {', '.join(sorted(sources))}? Give it with --account, and it is checked.")
        return
    for place in foreign_accounts(found, sources - {account}):
        note(f"Warning: {place} names the source's account; give the target's own value in its file.")


def _write(text: str, output: Path, *, confirmed: bool) -> None:
    try:
        before = output.read_text(encoding="utf-8") if output.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise stopped(ExitCode.BAD_INPUT, f"{output} cannot be read: {error}.") from error
    if before == text:
        note(f"{output} is what it would be already.")
        return
    lines = difflib.unified_diff(before.splitlines(), text.splitlines(), str(output), "promoted", lineterm="")
    emit("\n".join(lines))
    if not confirmed:
        confirm(f"Write {output}?")
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise stopped(ExitCode.BAD_INPUT, f"{output} cannot be written: {error}.") from error
    note(f"Written. Deploy it: cdk deploy --all -c config={output}")
