"""What the real emitters write: the functions from their bundles, the dequeuer, the scaling function."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dequeuer.telemetry import Telemetry
from penstock.aws.emf import MetricLog
from penstock.aws.metrics import CloudWatchMetrics
from penstock.batch.jobs import TERMINAL as JOB_ENDS
from penstock.batch.jobs import JobStatus
from penstock.overview import Crew, Depth
from penstock.records import TERMINAL
from penstock.scaling.decision import ScalingPolicy
from penstock.testing import ManualClock
from penstock.testing.deployed import MemoryDeployedApis
from penstock.testing.scaling import MemoryCrews, MemoryHistories
from scaling_lambda.publisher import Publisher, ScaledApi
from scaling_lambda.served import Served
from tests.cdk.panels import Named
from tests.cdk.templates import DEPLOYMENT
from tests.conftest import FAKE_AWS
from tests.examples import NOW_MS, record
from tests.unit.dequeuer.batch.job_bench import RECORD as JOB
from webhook_lambda.counted import Counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

VARIABLES = {
    "PENSTOCK_DEPLOYMENT": DEPLOYMENT,
    "PENSTOCK_TABLE": "t",
    "PENSTOCK_BUCKET": "b",
    "PENSTOCK_STATE_MACHINES": "arn:aws:states:eu-central-1:111122223333:stateMachine:",
    "PENSTOCK_API_URL": "https://example.com",
    "PENSTOCK_TOPIC_ARN": "arn:aws:sns:eu-central-1:111122223333:events",
    # Lambda's, which must not become a dimension.
    "POWERTOOLS_SERVICE_NAME": "some-function",
}

#: How each function counts, called as what it is given to does.
_COUNTS = {
    "gateway_lambda.handler": """
        from penstock.catalogue import FILE, Catalogue
        for api in Catalogue.from_json(FILE.read_text()).apis:
            for replayed in (False, True):
                handler._count(api, replayed)
    """,
    "webhook_lambda.sender": """
        from penstock.webhooks.deliveries import Delivery, State, Target
        for api in APIS:
            for state in (State.DELIVERED, State.FAILED, State.DISABLED):
                handler._count(Delivery(
                    event_id="e", target=Target.API, api=api, subject="s", type="t", url="u", body="{}",
                    created_ms=0, next_attempt_ms=0, expires_at=0, state=state,
                ))
    """,
    "recovery_lambda.record_handler": """
        for api in APIS:
            handler._recorder._on_malformed(api)
            handler._recorder._on_undeliverable(api)
    """,
    "recovery_lambda.stops_handler": """
        import json
        for event in json.loads(sys.stdin.read()):
            handler.handler(event, CONTEXT)
    """,
}

_PROGRAM = """
import sys, importlib, types
sys.path.insert(0, {bundle!r})
CONTEXT = types.SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="r"
)
APIS = {apis!r}
handler = importlib.import_module({entry!r})
{body}
"""


def of_function(bundles: Path, entry: str, *, apis: Iterable[str], events: object = ()) -> set[Named]:
    """What a function writes, run from the bundle that is deployed."""
    lines = [line[8:] for line in _COUNTS[entry].splitlines()]
    program = _PROGRAM.format(
        bundle=str(bundles / entry), entry=entry, apis=list(apis), body="\n".join(lines)
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program],
        input=json.dumps(events),
        env=FAKE_AWS | VARIABLES,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(read(done.stdout))


def of_ends(api: str, *, jobs: bool) -> set[Named]:
    """What the function that reads the stream writes for every end there is."""
    counted = Counted()
    if jobs:
        for number, status in enumerate((JobStatus.ENQUEUING, *JOB_ENDS)):
            counted.add(str(number), replace(JOB, api=api, status=status, finished_ms=JOB.created_ms + 1))
    else:
        for number, end in enumerate(TERMINAL):
            times = {"started_ms": NOW_MS, "finished_ms": NOW_MS + 1}
            counted.add(str(number), record(api=api, status=end, **times))
    return _written(lambda log: [log.write(name, told) for name, told in counted.values(failed=()).items()])


def of_dequeuer(api: str, *, jobs: bool) -> set[Named]:
    """What a dequeuer writes; that it does so when these things happen is for its own tests."""
    telemetry = Telemetry(deployment=DEPLOYMENT, api=api)

    def lives(_log: MetricLog) -> None:
        telemetry.retried()
        telemetry.paused("queue")
        telemetry.resumed(5)
        if jobs:
            telemetry.batches(succeeded=1, failed=1)
        else:
            telemetry.started(record(api=api, attempt=1, started_ms=NOW_MS))
            telemetry.lost()

    return _written(lives)


def of_scaling(apis: Iterable[str]) -> set[Named]:
    """What the scaling function sends to CloudWatch."""
    client = _CloudWatch()
    listed = list(apis)
    with ThreadPoolExecutor(2) as executor:
        Publisher(
            Served(
                DEPLOYMENT,
                [ScaledApi(name=api, policy=ScalingPolicy()) for api in listed],
                deployed=MemoryDeployedApis(),
            ),
            queues=_Queues(),
            crews=MemoryCrews({api: Crew(1, 1) for api in listed}),
            oldest_open_ms=lambda _api: NOW_MS - 1,
            metrics=CloudWatchMetrics(client, DEPLOYMENT),  # type: ignore[arg-type]  # it is called for one thing
            histories=MemoryHistories(),
            executor=executor,
            clock=ManualClock(NOW_MS),
        ).look(ages=True)
    return client.put


class _Queues:
    def depth(self, _api: str) -> Depth:
        return Depth(1, 1)


class _CloudWatch:
    def __init__(self) -> None:
        self.put: set[Named] = set()

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803 - boto3's
        for datum in MetricData:
            pairs = ((one["Name"], one["Value"]) for one in datum["Dimensions"])
            self.put.add(Named(Namespace, str(datum["MetricName"]), frozenset(pairs)))


def _written(act: Any) -> set[Named]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        act(MetricLog(DEPLOYMENT))
    return set(read(output.getvalue()))


def read(output: str) -> Iterator[Named]:
    """The metrics that CloudWatch makes of lines in the embedded format; other lines are passed over."""
    for line in output.splitlines():
        if '"CloudWatchMetrics"' not in line:
            continue
        told = json.loads(line[line.index("{") :])
        for directive in told["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"]:
                pairs = frozenset((name, told[name]) for name in dimensions)
                for metric in directive["Metrics"]:
                    assert told[metric["Name"]], "a metric without a value"
                    yield Named(directive["Namespace"], metric["Name"], pairs)
