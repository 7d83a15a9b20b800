"""A whole batch job on the embedded emulator: exact counts, its time, its tail, and the workers' calls."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.counting import counting
from bench.report import Report, Target
from localstack.emulator import free_port
from localstack.environment import Endpoint
from localstack.options import PROJECT, Options
from localstack.up import running
from penstock.client import Client, ItemList, JobRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.options import Options as BenchOptions
    from bench.rig import Rig
    from penstock.client import JobState

API = "counted"
WORKERS = 4
BATCH_SIZE = 20

#: Of a job without objects of its own, for 1,000 batches: what is left when enqueuing has had its 110.
WORKER_CALLS_LIMIT = 2_090
TAIL_LIMIT_SECONDS = 2.0

#: Counting costs time, so what is counted is a job of its own.
_COUNTED_ITEMS = 1_000 * BATCH_SIZE

_PATIENCE_SECONDS = 1800

_CONFIG = """\
deployment: bench
apis:
  - name: {api}
    kind: BatchAPI
    timeout: 60s
    pod:
      max_concurrency: 16
      containers:
        - name: server
          image: example/counted
    local:
      command: {python} -m bench.job_container
      directory: {project}
      env: {{LEDGER: {ledger}}}
"""


class NothingCounted(Exception):
    """The workers found another way to the emulator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One job, and what its containers' own ledger says of it."""

    items: int
    state: JobState
    seconds: float
    #: Items that no container was sent.
    missing: int
    #: Items that a container was sent again.
    repeated: int
    #: From the last batch's answer to the job's end.
    tail_seconds: float


def jobs(rig: Rig, options: BenchOptions) -> Report:
    """From the submission to the end, as the client sees it."""
    ledger = rig.folder / "ledger"
    ledger.mkdir()
    config = rig.folder / "penstock.yaml"
    config.write_text(
        _CONFIG.format(api=API, ledger=ledger, python=sys.executable, project=PROJECT), encoding="utf-8"
    )
    port, state = free_port(), rig.folder / "local"
    with running(config, Options(state_dir=state, port=port)) as local:
        run = _run(local.url, ledger, items=options.job_items)
    with counting(Endpoint(port).url) as proxy:
        # The agent's own word on AWS endpoints wins over any other, but for that of the program itself.
        through = [f"{name}={proxy.endpoint.url}" for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")]
        command = ("env", *through, sys.executable, "-m", "dequeuer")
        with running(config, Options(state_dir=state, dequeuer_command=command)) as local:
            counted = _run(local.url, ledger, items=_COUNTED_ITEMS)
        calls = Counter(proxy.calls)
    if not calls["TransactWriteItems"]:
        raise NothingCounted("the workers' calls did not pass the proxy")
    return _report(run, counted, calls)


def _run(url: str, ledger: Path, *, items: int) -> Run:
    for file in ledger.iterdir():
        file.unlink()
    job = JobRequest(source=ItemList(items=range(items), batch_size=BATCH_SIZE), workers=WORKERS)
    with Client(url) as client:
        began = time.monotonic()
        submitted = client.batch.submit(API, job)
        state = client.batch.wait(API, submitted.id, timeout_seconds=_PATIENCE_SECONDS)
        seconds = time.monotonic() - began
    entries = [json.loads(line) for file in ledger.iterdir() for line in file.read_text().splitlines()]
    sent = Counter(item for entry in entries for item in entry["items"])
    assert state.finished_at is not None
    return Run(
        items=items,
        state=state,
        seconds=seconds,
        missing=sum(item not in sent for item in range(items)),
        repeated=sum(times - 1 for times in sent.values()),
        tail_seconds=state.finished_at.timestamp() - max(entry["at"] for entry in entries),
    )


def _report(run: Run, counted: Run, calls: Mapping[str, int]) -> Report:
    batches = counted.items / BATCH_SIZE
    per_thousand = {name: 1000 * count / batches for name, count in sorted(calls.items())}
    ends = [_row(run, "direct"), _row(counted, "counted")]
    rows = [*ends, *(("calls of workers for 1,000 batches", name, f"{count:.0f}", "", "", "", "")
                     for name, count in per_thousand.items())]  # fmt: skip
    return Report(
        name="jobs",
        title=f"jobs of {WORKERS} workers, {BATCH_SIZE} items a batch",
        columns=("job", "status", "batches", "succeeded", "seconds", "batches/s", "tail s"),
        rows=rows,
        targets=_targets(run, sum(per_thousand.values())),
        data={"runs": [_data(run), _data(counted)], "calls_per_1000_batches": per_thousand},
    )


def _targets(run: Run, worker_calls: float) -> list[Target]:
    wrong = run.items / BATCH_SIZE - (run.state.succeeded or 0) + (run.state.failed or 0)
    return [
        Target(promise="batches that are not counted as succeeded", measured=wrong, limit=0, unit="batches"),
        Target(promise="items that no container saw", measured=run.missing, limit=0, unit="items"),
        Target(
            promise="from the last batch to the job's end",
            measured=run.tail_seconds,
            limit=TAIL_LIMIT_SECONDS,
            unit="s",
        ),
        Target(
            promise="calls of workers for 1,000 batches",
            measured=worker_calls,
            limit=WORKER_CALLS_LIMIT,
            unit="calls",
        ),
    ]


def _row(run: Run, name: str) -> tuple[str, ...]:
    batches = run.items // BATCH_SIZE
    return (
        f"{run.items:,} items, {name}",
        run.state.status.value,
        f"{batches:,}",
        f"{run.state.succeeded:,}",
        f"{run.seconds:.1f}",
        f"{batches / run.seconds:.1f}",
        f"{run.tail_seconds:.2f}",
    )


def _data(run: Run) -> dict[str, Any]:
    return {
        "items": run.items,
        "seconds": run.seconds,
        "missing": run.missing,
        "repeated": run.repeated,
        "tail_seconds": run.tail_seconds,
        "job": dict(run.state.document),
    }
