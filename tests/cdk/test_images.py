"""What the images are built from; tests/containers builds and runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig

import pytest

pytestmark = pytest.mark.synth


def sources(cloud):
    """The folder of each image that is built, by the Dockerfile that the build is told."""
    folder = cloud.folder / "cdk.out"
    found = {}
    for manifest in folder.glob("*.assets.json"):
        for image in json.loads(manifest.read_text())["dockerImages"].values():
            found[image["source"].get("dockerFile")] = folder / image["source"]["directory"]
    return found


@pytest.mark.parametrize("module", ["dequeuer", "dequeuer.job_spec", "dequeuer.healthcheck"])
def test_what_the_dequeuers_image_is_built_from_holds_all_that_it_imports(cloud, module):
    folder = sources(cloud)["ecs_tasks/dequeuer/Dockerfile"]

    ended = subprocess.run(
        # Only packages that are installed, and this folder: the repository itself is installed as well.
        [sys.executable, "-S", "-c", _RUN, str(folder), sysconfig.get_path("purelib"), module],
        capture_output=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")},
        text=True,
        timeout=60,
        check=False,
    )

    # As far as to ask for what it is told in a task.
    assert "is not set" in ended.stderr
    assert "ModuleNotFoundError" not in ended.stderr


#: Takes the packages' folders without what makes this repository importable.
_RUN = """
import runpy, sys
folder, packages, module = sys.argv[1:]
sys.path[:] = [path for path in sys.path if path] + [folder, packages]
sys.argv = [module]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
