"""The real gateway handler, in a process of its own, as Lambda would hold it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.rig import BUCKET, DEPLOYMENT, TABLE
from cdk.bundle import Bundle, write
from localstack.options import PROJECT
from penstock.catalogue import ApiEntry, Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.rig import Rig

_DRIVER = Path(__file__).with_name("handler_driver.py")


class UnexpectedAnswer(Exception):
    """The gateway did not accept or know what the bench sent: there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, and how long the handler took for it."""

    seconds: float
    body: Any


class Gateway:
    """Calls the handler, one event after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.import_seconds: float = self._read()["import_seconds"]

    def submit(self, api: str, body: bytes) -> Answered:
        """``POST /async/{api}``."""
        return self._call("POST", "/async/{api}", {"api": api}, body, expected=202)

    def status(self, api: str, request_id: str) -> Answered:
        """``GET /async/{api}/{id}``."""
        return self._call("GET", "/async/{api}/{id}", {"api": api, "id": request_id}, b"", expected=200)

    def _call(
        self, method: str, path: str, parameters: dict[str, str], body: bytes, *, expected: int
    ) -> Answered:
        event = {
            "httpMethod": method,
            "path": path.format(**parameters),
            "pathParameters": parameters,
            "headers": {"content-type": "application/octet-stream", "accept": "*/*"},
            "multiValueHeaders": {},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": path,
                "path": path,
                "httpMethod": method,
                "identity": {"userArn": None},
            },
            "body": base64.b64encode(body).decode() or None,
            "isBase64Encoded": bool(body),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        if answer["statusCode"] != expected:
            raise UnexpectedAnswer(f"{method} {path}: {answer}")
        return Answered(answer["seconds"], json.loads(answer["body"]))

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise UnexpectedAnswer("the gateway's process has ended; its error is above")
        return json.loads(line)


@contextmanager
def gateway(rig: Rig, apis: Sequence[str]) -> Iterator[Gateway]:
    """The handler with a catalogue of these APIs, importing from a bundle as Lambda does."""
    folder = write(_bundle(apis), root=PROJECT, target=rig.folder / "gateway-bundle")
    environment = {
        **rig.environment,
        "PYTHONPATH": str(folder),
        "PENSTOCK_DEPLOYMENT": DEPLOYMENT,
        "PENSTOCK_TABLE": TABLE,
        "PENSTOCK_BUCKET": BUCKET,
        "POWERTOOLS_SERVICE_NAME": "gateway",
        "POWERTOOLS_METRICS_NAMESPACE": "Penstock",
    }
    with subprocess.Popen(
        [sys.executable, str(_DRIVER), "gateway_lambda.handler"],
        cwd=rig.folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # Leaving the block closes stdin, which ends the driver.
        yield Gateway(process)


def _bundle(apis: Sequence[str]) -> Bundle:
    entries = [
        ApiEntry(
            name=api,
            endpoint=api,
            timeout_seconds=3600,
            max_attempts=3,
            retention_seconds=86_400,
            inline_result_bytes=262_144,
        )
        for api in apis
    ]
    return Bundle(
        entry="gateway_lambda.handler",
        packages=("gateway_lambda", "penstock"),
        # Other people's packages come from the environment: only the catalogue is the bundle's own.
        distributions=(),
        files={"penstock/catalogue.json": Catalogue(tuple(entries)).to_json()},
    )
