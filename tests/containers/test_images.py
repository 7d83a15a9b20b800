"""What holds for the images themselves, whatever runs them."""

from __future__ import annotations

import json

import pytest

from tests.containers.conftest import SUM_BATCH, THUMBNAIL, WORD_COUNT

#: What a user's own files would be: it lies in the build folder, and no rule lets it in.
LISTING = """
import json, os
found = []
for folder, folders, files in os.walk("/app"):
    folders.sort()
    found += [os.path.relpath(os.path.join(folder, name), "/app") for name in files]
print(json.dumps(sorted(found)))
"""

IMPORTING = """
import importlib, json, pkgutil
import dequeuer
names = [name for _, name, _ in pkgutil.walk_packages(dequeuer.__path__, "dequeuer.")]
# What is imported once there is somewhere to send traces to.
found = [name for name in names if not name.endswith("__main__")] + ["penstock.tracing.otel"]
for name in found:
    importlib.import_module(name)
print(json.dumps(found))
"""

WRITABLE = """
import json, os
skipped = {"/proc", "/sys", "/dev"}
found = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in skipped]
    places = [os.path.join(folder, name) for name in files]
    found += [place for place in (folder, *places) if os.access(place, os.W_OK, follow_symlinks=False)]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def dequeuer(images, assembly):
    return assembly.images(WORD_COUNT)["dequeuer"]


@pytest.fixture(scope="module")
def servers(images, assembly):
    return {stack: assembly.images(stack)["server"] for stack in (WORD_COUNT, THUMBNAIL, SUM_BATCH)}


def test_all_apis_share_one_image_of_the_dequeuer(images, assembly, dequeuer):
    assert {
        assembly.images(stack)[name].hash
        for stack, name in [(WORD_COUNT, "dequeuer"), (THUMBNAIL, "dequeuer"), (SUM_BATCH, "spec")]
    } == {dequeuer.hash}


def test_no_image_runs_as_root_and_none_starts_through_a_shell(engine, dequeuer, servers):
    for asset in (dequeuer, *servers.values()):
        config = engine.image(asset.tag)["Config"]
        assert config["User"] == "10001:10001"
        assert (config.get("Entrypoint") or config["Cmd"])[0] == "python3"


def test_the_dequeuers_image_holds_its_code_and_nothing_else(engine, dequeuer):
    files = json.loads(engine.python(dequeuer.tag, LISTING))

    assert {file.split("/")[0] for file in files} == {"dequeuer", "penstock"}
    assert {file.split("/")[1] for file in files if file.startswith("penstock/") and file.count("/") > 1} == {
        "__pycache__",
        "aws",
        "batch",
        "scaling",
        "tracing",
    }
    assert {file.rpartition(".")[2] for file in files} == {"py", "pyc"}
    assert not [file for file in files if "test" in file]


def test_the_examples_images_hold_their_server_and_nothing_else(engine, servers):
    for asset in servers.values():
        assert json.loads(engine.python(asset.tag, LISTING)) == ["server.py"]


def test_what_the_build_was_told_of_package_indexes_is_in_no_image(engine, dequeuer, servers):
    for asset in (dequeuer, *servers.values()):
        assert engine.python(asset.tag, "import os; print(os.path.exists('/etc/pip.conf'))") == "False"
        history = engine.run("history", "--no-trunc", asset.tag)
        assert "index-url" not in history


def test_nothing_that_the_dequeuer_runs_can_be_changed_by_it(engine, dequeuer):
    writable = json.loads(engine.python(dequeuer.tag, WRITABLE, "--read-only", *no_tmpfs(engine)))

    # The volume of a job's specification is the only one; what the engine mounts by itself aside.
    assert {
        place for place in writable if place.startswith(("/app", "/venv", "/usr", "/etc", "/cortex"))
    } <= {"/cortex/spec"}


def no_tmpfs(engine):
    return ["--read-only-tmpfs=false"] if engine.is_podman else []


def test_the_code_was_compiled_at_the_build_since_a_read_only_root_keeps_no_bytecode(engine, dequeuer):
    program = "import dequeuer.worker as m; import os; print(os.path.exists(m.__cached__))"
    assert engine.python(dequeuer.tag, program) == "True"


def test_a_dequeuer_that_is_told_nothing_says_what_it_needs_and_ends(engine, dequeuer):
    ended = engine.tried("run", "--rm", "--network", "none", dequeuer.tag)

    assert ended.returncode == 78
    assert "PENSTOCK_QUEUE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_sizes_are_reported(engine, base, dequeuer, servers, report):
    of_base = engine.image(base)["Size"]
    report.append(f"base image {base}: {of_base / 1e6:.0f} MB")
    for name, asset in [("dequeuer", dequeuer), *servers.items()]:
        size = engine.image(asset.tag)["Size"]
        assert size > of_base
        report.append(f"{name}: {size / 1e6:.0f} MB, of which {(size - of_base) / 1e6:.0f} MB on the base")


def test_every_module_of_the_dequeuer_finds_what_it_imports(engine, dequeuer):
    imported = json.loads(engine.python(dequeuer.tag, IMPORTING))

    assert {"dequeuer.worker", "dequeuer.batch.main"} <= set(imported)
