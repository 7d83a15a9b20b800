"""Code of the documentation that runs, run."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

from penstock.webhooks import signature
from tests.conftest import missing

WEBHOOKS = Path(__file__).parents[2] / "docs" / "webhooks.md"
SECRET = signature.new_secret()
BODY = bytes(range(256))

_PROGRAM = """
let input = "";
for await (const chunk of process.stdin) input += chunk;
const verdicts = JSON.parse(input).map(({ secret, headers, body }) =>
  verified(secret, headers, Buffer.from(body, "base64")));
console.log(JSON.stringify(verdicts));
"""


def test_what_the_documentation_verifies_binary_bodies_with_in_node_takes_and_refuses_what_it_must(tmp_path):
    node = shutil.which("node")
    if node is None:
        missing("node is not installed; run `make setup`")
        return
    blocks = re.findall(r"```js\n(.*?)```", WEBHOOKS.read_text(), re.DOTALL)
    [snippet] = [block for block in blocks if "createHmac" in block]
    program = tmp_path / "verify.mjs"
    program.write_text(snippet + _PROGRAM)
    now_ms = time.time_ns() // 1_000_000
    other = signature.new_secret()
    signed = signature.headers("evt", BODY, secrets=[other, SECRET], now_ms=now_ms)
    old = signature.headers("evt", BODY, secrets=[SECRET], now_ms=now_ms - 600_000)
    calls = [
        (SECRET, signed, BODY, True),
        (other, signed, BODY, True),
        (signature.new_secret(), signed, BODY, False),
        (SECRET, signed, BODY[:-1], False),
        (SECRET, old, BODY, False),
        (SECRET, signed | {"webhook-id": "other"}, BODY, False),
        (SECRET, signed | {"webhook-timestamp": "x"}, BODY, False),
        (SECRET, {name: value for name, value in signed.items() if "signature" not in name}, BODY, False),
    ]

    told = json.dumps(
        [
            {"secret": secret, "headers": headers, "body": base64.b64encode(body).decode()}
            for secret, headers, body, _ in calls
        ]
    )
    ended = subprocess.run([node, program], input=told, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == [fine for *_, fine in calls]
