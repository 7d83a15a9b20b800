"""The images of a synthesised app: what `cdk deploy` would build, from the very folders it would take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.containers.engine import Engine


@dataclass(frozen=True)
class Asset:
    """One image of an asset manifest."""

    hash: str
    folder: Path
    source: Mapping[str, Any]

    @property
    def tag(self) -> str:
        return f"penstock-test:{self.hash}"

    def build(self, engine: Engine) -> None:
        """Build as the CDK's own `cdk-assets` does: in the folder, with these options, in this order."""
        options = ["--tag", self.tag]
        for name, value in self.source.get("dockerBuildArgs", {}).items():
            options += ["--build-arg", f"{name}={value}"]
        for name, value in self.source.get("dockerBuildSecrets", {}).items():
            options += ["--secret", f"id={name},{value}"]
        if "dockerFile" in self.source:
            options += ["--file", self.source["dockerFile"]]
        options += ["--platform", self.source["platform"]]
        engine.run("build", *options, ".", directory=self.folder)


@dataclass(frozen=True)
class Assembly:
    """A folder that `cdk synth` wrote."""

    folder: Path

    def assets(self) -> dict[str, Asset]:
        """All images by their hash; stacks share them."""
        found = {}
        for manifest in sorted(self.folder.glob("*.assets.json")):
            for hash_, image in json.loads(manifest.read_text())["dockerImages"].items():
                source = image["source"]
                found[hash_] = Asset(hash_, self.folder / source["directory"], source)
        return found

    def containers(self, stack: str) -> list[dict[str, Any]]:
        """The container definitions of a stack's task, in the template's words."""
        resources = json.loads((self.folder / f"{stack}.template.json").read_text())["Resources"]
        [task] = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::ECS::TaskDefinition"]
        return list(task["ContainerDefinitions"])

    def images(self, stack: str) -> dict[str, Asset]:
        """The image of each container in a stack's task definition."""
        assets = self.assets()
        return {
            container["Name"]: assets[container["Image"]["Fn::Sub"].rpartition(":")[2]]
            for container in self.containers(stack)
        }
