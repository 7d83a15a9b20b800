from __future__ import annotations

import hashlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import botocore
import pytest

from cdk import bundle as bundling
from cdk import gateway
from penstock.config import Tracing
from tests.conftest import FAKE_AWS, ROOT

pytestmark = pytest.mark.synth  # the module that names the bundle's content imports aws_cdk


@pytest.fixture(scope="module")
def bundle(deployed_config, tmp_path_factory):
    return bundling.write(
        gateway.bundle(deployed_config), root=ROOT, target=tmp_path_factory.mktemp("bundle") / "code"
    )


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def test_the_handler_starts_on_the_bundle_and_boto3_alone(bundle, tmp_path):
    _start(bundle, tmp_path, "import gateway_lambda.handler")


def test_with_a_collector_the_bundle_can_send_traces(deployed_config, tmp_path):
    tracing = Tracing(endpoint="https://otlp.example.com")
    code = bundling.write(
        gateway.bundle(deployed_config.model_copy(update={"tracing": tracing})),
        root=ROOT,
        target=tmp_path / "code",
    )

    _start(
        code,
        tmp_path,
        "import gateway_lambda.handler as handler; assert handler._parts.tracer is not None; "
        "handler._parts.tracer.span('one', __import__('penstock.tracing.ports').tracing.ports.Kind.SERVER)",
        PENSTOCK_TRACES_ENDPOINT="http://127.0.0.1:9",
    )


def _start(bundle: Path, tmp_path: Path, what: str, **more: str) -> None:
    # The runtime has boto3 and its dependencies; the environment's other distributions must not help.
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    installed = Path(botocore.__file__).parents[1]
    for name in ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six.py", "certifi"):
        if (installed / name).exists():
            (runtime / name).symlink_to(installed / name)
    program = f"import sys; sys.path += [{str(bundle)!r}, {str(runtime)!r}]; {what}"
    variables = {
        "PENSTOCK_DEPLOYMENT": "shop",
        "PENSTOCK_TABLE": "t",
        "PENSTOCK_BUCKET": "b",
        "PENSTOCK_STATE_MACHINES": "arn:aws:states:eu-central-1:111122223333:stateMachine:",
    }

    result = subprocess.run(
        [sys.executable, "-S", "-I", "-B", "-c", program],
        env=FAKE_AWS | variables | more,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


def test_what_the_handler_does_not_import_stays_out(bundle):
    files = {str(path.relative_to(bundle)) for path in bundle.rglob("*")}

    absent = ["pydantic", "aiobotocore", "boto3", "botocore", "cdk", "dequeuer", "localstack"]
    absent += [f"penstock/{name}" for name in ("config", "cli", "client", "testing", "aws/ledger.py")]
    assert sorted(files & set(absent)) == []
    assert not [file for file in files if file.endswith((".pyc", "RECORD", "direct_url.json"))]


def test_licences_travel_with_the_code(bundle):
    folders = sorted(bundle.glob("*.dist-info"))

    assert len(folders) == 4
    for folder in folders:
        names = {path.name.upper().split(".")[0] for path in folder.rglob("*") if path.is_file()}
        assert "METADATA" in names
        assert names & {"LICENSE", "LICENCE", "COPYING"}, folder


def test_it_is_small(bundle):
    size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())

    assert size < 7_000_000


def test_the_same_sources_give_the_same_bytes(bundle, deployed_config, tmp_path):
    again = bundling.write(gateway.bundle(deployed_config), root=ROOT, target=tmp_path / "again")

    assert digest(again) == digest(bundle)


def test_what_an_earlier_bundle_held_is_gone(deployed_config, tmp_path):
    target = tmp_path / "code"
    target.mkdir()
    (target / "left_behind.py").touch()

    bundling.write(gateway.bundle(deployed_config), root=ROOT, target=target)

    assert not (target / "left_behind.py").exists()


def test_imports_are_followed_with_the_packages_above_them_and_not_for_types(tmp_path, monkeypatch):
    package = tmp_path / "parcel"
    (package / "inner").mkdir(parents=True)
    sources = {
        "__init__.py": "",
        "entry.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import parcel.typed\n"
        "def late():\n    import parcel.inner.used\n",
        "typed.py": "",
        "unused.py": "",
        "needed_by_package.py": "",
        "inner/__init__.py": "import parcel.needed_by_package",
        "inner/used.py": "",
    }
    for name, source in sources.items():
        (package / name).write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))

    found = bundling.first_party(
        bundling.Bundle(entry="parcel.entry", packages=("parcel",), distributions=())
    )

    assert found == {
        "parcel",
        "parcel.entry",
        "parcel.inner",
        "parcel.inner.used",
        "parcel.needed_by_package",
    }


def test_compiled_code_is_refused_with_the_way_out(tmp_path):
    wanted = bundling.Bundle(entry="penstock.ids", packages=("penstock",), distributions=("pydantic_core",))

    assert importlib.metadata.version("pydantic_core")
    with pytest.raises(bundling.NotPortable, match=r"pydantic.core .* function's platform"):
        bundling.write(wanted, root=ROOT, target=tmp_path / "code")


@pytest.mark.timeout(300)  # a whole synthesis, and another machine may be slower or busy
def test_a_synth_needs_no_account_no_settings_and_no_network(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    program = """
import runpy, socket
class Refused(socket.socket):
    def connect(self, address):
        raise AssertionError(f"connects to {address}")
socket.socket = Refused
runpy.run_path("app.py", run_name="__main__")
"""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        # Node's half of CDK, which is the same whoever unpacked it: 10 s of work.
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),
    }
    environment |= {"CDK_OUTDIR": str(tmp_path / "cdk.out"), "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}

    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    manifest = (tmp_path / "cdk.out" / "manifest.json").read_text()
    # "missing" is how an app asks the CLI to look something up in the account.
    assert '"missing"' not in manifest
    assert "aws://unknown-account/unknown-region" in manifest
