from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import yaml

from penstock.config import ConfigError, load
from tests.unit.config.conftest import VALID

CONTAINERS = "apis.0.pod.containers"
COMPUTE = f"{CONTAINERS}.0.compute"
PROBE = f"{CONTAINERS}.0.readiness_probe"
_FIFO = "arn:aws:sqs:eu-west-1:123456789012:failed.fifo"
SCALING = "apis.0.autoscaling"
SCHEDULES = f"{SCALING}.schedules"
LIVENESS = f"{CONTAINERS}.0.liveness_probe"
PREFETCH = "apis.0.pod.prefetch"
_DAY = {"name": "day", "cron": "0 8 ? * MON-FRI *", "min_replicas": 2}
_EXEC = {"exec": {"command": ["alive"]}}
_MODEL = [{"from": "s3://models/a/", "to": "/mnt/model"}]
_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:registry-AbCdEf"
_ECR_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x"
EXISTING = {"kind": "existing", "vpc_id": "vpc-01234567", "subnet_ids": ["subnet-01234567"]}
DOMAIN = {
    "name": "api.example.com",
    "certificate_arn": "arn:aws:acm:eu-west-1:111122223333:certificate/0123-ab",
}
UPDATE = "apis.0.update_strategy"


def _containers(number: int, **settings: Any) -> list[dict[str, Any]]:
    return [{"name": f"c{index}", "image": "x", **settings} for index in range(number)]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        # names
        ("deployment", "Demo", "must start with a lower-case letter"),
        ("deployment", "1demo", "must start with a lower-case letter"),
        ("deployment", "demo-", "not end with a dash"),
        ("deployment", "demo-api", 'must not have "-api" in it'),
        ("deployment", "demo-api-2", 'must not have "-api" in it'),
        ("deployment", "demo\n", "must start with a lower-case letter"),
        ("deployment", "a" * 17, "must have at most 16 characters, not 17"),
        ("deployment", 5, "must be text, not 5"),
        ("apis", [], "must list at least one API"),
        ("apis", {}, "must be a list, not a map"),
        ("apis", "one", 'must be a list, not "one"'),
        ("apis.0", "one", 'must be a map of keys and values, not "one"'),
        ("apis.0.name", "a" * 43, "must have at most 42 characters"),
        ("apis.0.name", "b-x", 'must not start with "b-"'),
        ("apis.0.name", "async-function", "Penstock uses it itself"),
        ("apis.0.name", "healthz", "Penstock uses it itself"),
        ("apis.0.name", "under_score", "must start with a lower-case letter"),
        ("apis.0.kind", "RealtimeAPI", "the kinds are: AsyncAPI, BatchAPI"),
        ("apis.0.kind", "asyncAPI", "the kinds that exist, AsyncAPI, BatchAPI"),
        ("apis.0.kind", 1, "the kinds that exist, AsyncAPI, BatchAPI"),
        ("apis.0.kind", ["AsyncAPI"], "the kinds that exist, AsyncAPI, BatchAPI, not a list"),
        ("apis.1.kind", "batch", "the kinds that exist, AsyncAPI, BatchAPI"),
        # auth
        ("auth.mode", "key", "must be 'iam', 'api_key' or 'none', not \"key\""),
        ("auth.mode", True, "must be 'iam', 'api_key' or 'none', not true"),
        ("auth", {"mode": "api_key", "rate": 0}, "must be above 0, not 0"),
        ("auth", {"mode": "api_key", "rate": 10_001}, "must be at most 10000"),
        ("auth", {"mode": "api_key", "burst": 0}, "must be at least 1, not 0"),
        ("auth", {"mode": "api_key", "burst": 1.5}, "must be a whole number"),
        ("auth", {"rate": 5}, "limits API keys, and there are none without mode: api_key"),
        ("auth", {"mode": "iam", "burst": 5}, "there are none without mode: api_key"),
        ("auth", {"mode": "none", "rate": 5}, "there are none without mode: api_key"),
        # network
        ("network", "nat", 'must be a map of keys and values, not "nat"'),
        ("network.kind", "private", "must be 'public', 'nat', 'endpoints' or 'existing', not \"private\""),
        ("network", {"kind": "nat", "availability_zones": 4}, "must be at most 3, not 4"),
        ("network.availability_zones", 0, "must be at least 1, not 0"),
        ("network.nat_gateways", 1, "is a key for kind: nat, and the kind is public"),
        (
            "network",
            {"kind": "nat", "nat_gateways": 3},
            "must be at most 2, the number of availability zones",
        ),
        ("network.cidr", "10.0.0.1/16", "must be an IPv4 range such as 10.0.0.0/16, without bits behind"),
        ("network.cidr", "10.0.0.0/15", "must be a /16 to /24, not a /15"),
        ("network.cidr", "10.0.0.0/25", "must be a /16 to /24, not a /25"),
        ("network.cidr", "8.8.0.0/16", "must be within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"),
        ("network.cidr", "fd00::/16", "must be an IPv4 range"),
        ("network.flow_logs", "some", "must be 'none', 'rejected' or 'all', not \"some\""),
        ("network.vpc_id", "vpc-01234567", "is a key for kind: existing, and the kind is public"),
        ("network", EXISTING | {"cidr": "10.0.0.0/16"}, "is a key for kind: public or nat or endpoints"),
        ("network", EXISTING | {"flow_logs": "none"}, "is a key for kind: public or nat or endpoints"),
        ("network", EXISTING | {"vpc_id": "vpc-1"}, "must be an id such as vpc-0123456789abcdef0"),
        (
            "network",
            EXISTING | {"subnet_ids": ["sn-01234567"]},
            "must be an id such as subnet-0123456789abcdef0",
        ),
        ("network", EXISTING | {"subnet_ids": []}, "must list 1 to 16 subnets, not 0"),
        ("network", EXISTING | {"subnet_ids": ["subnet-01234567"] * 2}, "must list each subnet once"),
        (
            "network",
            EXISTING | {"security_group_id": "default"},
            "must be an id such as sg-0123456789abcdef0",
        ),
        ("network", EXISTING | {"assign_public_ip": "yes"}, "must be true or false"),
        ("network.assign_public_ip", True, "is a key for kind: existing, and the kind is public"),
        # a name of one's own
        ("domain", {"name": "api.example.com"}, "is required"),
        ("domain", DOMAIN | {"name": "https://api.example.com"}, "must be a full name in lower case"),
        ("domain", DOMAIN | {"name": "api"}, "must be a full name in lower case"),
        (
            "domain",
            DOMAIN | {"certificate_arn": "arn:aws:iam::111122223333:x"},
            "must be the ARN of a certificate",
        ),
        ("domain", DOMAIN | {"hosted_zone_id": "example.com"}, "must be the id of a Route 53 hosted zone"),
        ("domain", DOMAIN | {"default_endpoint": 0}, "must be true or false"),
        # access
        ("access.source_ips", ["203.0.113.1/24"], "must be an address or a range such as 203.0.113.0/24"),
        ("access.source_ips", [], "must list at least one entry; leave the key out for the default"),
        ("access.source_ips", ["203.0.113.0/24"] * 2, "must list each entry once: 203.0.113.0/24"),
        ("access.source_ips", [f"203.0.113.{n}" for n in range(51)], "must have at most 50 entries, not 51"),
        (
            "access",
            {"principals": [f"arn:aws:iam::111122223333:role/{number}{'x' * 200}" for number in range(40)]},
            "characters in a policy, and API Gateway's has room for 6500: list accounts or organizations",
        ),
        ("access.vpc_endpoints", ["vpc-01234567"], "must be an id such as vpce-0123456789abcdef0"),
        (
            "access",
            {"source_ips": ["203.0.113.0/24"], "vpc_endpoints": ["vpce-01234567"]},
            "has no meaning beside vpc_endpoints: a private API is not called from the internet",
        ),
        ("access.accounts", [111122223333], "must be text, not 111122223333"),
        ("access.accounts", ["1111"], "must be the 12 digits of an AWS account, in quotes"),
        ("access.principals", ["arn:aws:iam::111122223333:root"], "must be the ARN of an IAM user or role"),
        ("access.principals", ["*"], "must be the ARN of an IAM user or role"),
        ("access.organizations", ["my-org"], "must be the id of an AWS organization, such as o-a1b2c3d4e5"),
        # encryption
        (
            "encryption.kms_key",
            "alias/mine",
            'must be "create" or the ARN of a KMS key: no alias, no bare id',
        ),
        ("encryption.kms_key", True, "must be text, not true"),
        # webhooks and callbacks
        ("apis.0.webhook.url", "hooks.example.com", "is refused: The URL must be absolute"),
        ("apis.0.webhook.url", "ftp://hooks.example.com/", "is refused: The URL begins with ftp:"),
        ("apis.0.webhook.url", "https://user:pass@h.example.com/", "is refused: The URL holds a user name"),
        ("apis.0.webhook.url", "https://127.1/", "is refused: An IPv4 address is written as four"),
        ("apis.0.webhook.url", "/uploads/one", "is refused: Of this deployment, a callback may call /async/"),
        ("apis.0.webhook.url", "/async/other", 'no AsyncAPI has the endpoint "other"'),
        ("apis.0.webhook.chain", ["one", "other"], 'no AsyncAPI has the endpoint "other"'),
        ("apis.0.webhook.chain", ["a/b"], "must be one path segment"),
        ("apis.0.webhook.events", [], "must list at least one event"),
        (
            "apis.0.webhook.events",
            ["done"],
            'must be one of cancelled, completed, expired, failed, not "done"',
        ),
        ("apis.0.webhook.inline_result_bytes", 16_385, "must be at most 16384"),
        ("apis.1.webhook.events", [], "must list at least one event"),
        ("apis.1.webhook.events", ["completed"], "must be one of started, completed_with_failures"),
        ("apis.1.webhook.url", "/async/jobs", 'no AsyncAPI has the endpoint "jobs"'),
        ("apis.0.webhook.chain", ["jobs"], 'no AsyncAPI has the endpoint "jobs"'),
        # monitoring
        ("monitoring.dashboards", "yes", "must be true or false"),
        ("monitoring.alarm_topic_arn", "on-call", "must be the ARN of a standard SNS topic"),
        (
            "monitoring.alarm_topic_arn",
            "arn:aws:sns:eu-west-1:123456789012:on-call.fifo",
            "must be the ARN of a standard SNS topic",
        ),
        ("monitoring.alarm_emails", ["ops"], "must be an e-mail address"),
        ("monitoring.dead_letters", 0, "must be at least 1"),
        ("monitoring.log_retention_days", 31, "the nearest is 30"),
        (
            "monitoring",
            {
                "alarm_topic_arn": "arn:aws:sns:eu-west-1:123456789012:on-call",
                "alarm_emails": ["a@example.com"],
            },
            "with alarm_topic_arn there is none",
        ),
        ("callbacks.allow", ["https://h.example.com"], "must be a host in lower case"),
        ("callbacks.deny", ["*"], "must be a host in lower case"),
        ("callbacks.deny", ["a..b"], "must be a host in lower case"),
        ("callbacks.http", "yes", "must be true or false"),
        ("callbacks.ports", [], "must list at least one port"),
        ("callbacks.ports", [0], "must be at least 1"),
        ("callbacks.schedule", ["5s", "0s"], "must have waits above 0s and up to 1d, not 0s"),
        ("callbacks.schedule", ["2d"], "must have waits above 0s and up to 1d, not 2d"),
        ("callbacks.schedule", ["1s"] * 20, "must have at most 19 waits, not 20"),
        # time and size
        ("apis.0.timeout", "0s", "must be above 0s and at most 11h48m, not 0s"),
        ("apis.0.timeout", "11h48m1s", "must be above 0s and at most 11h48m"),
        ("apis.0.timeout", "soon", 'must be a duration such as "30s"'),
        ("apis.0.timeout", True, "must be a duration such as"),
        ("apis.0.retention", "59m", "must be from 1h to 365d, not 59m"),
        ("apis.0.retention", "366d", "must be from 1h to 365d"),
        ("apis.0.inline_result_bytes", -1, "must be at least 0, not -1"),
        ("apis.0.inline_result_bytes", 4_000_001, "must be at most 4000000"),
        ("apis.0.inline_result_bytes", "1k", "must be a whole number"),
        ("apis.0.input_buckets", "photos", "must be a list"),
        ("apis.0.input_buckets", ["s3://photos"], "must be the name of an S3 bucket"),
        ("apis.0.input_buckets", ["photos/2026"], "no s3://, no ARN, no path"),
        ("apis.0.input_buckets", ["*"], "must be the name of an S3 bucket"),
        ("apis.0.input_buckets", ["Photos"], "must be the name of an S3 bucket"),
        ("apis.0.input_buckets", ["ab"], "must be the name of an S3 bucket"),
        ("apis.0.input_buckets", ["photos", "photos"], "must list each bucket once: photos"),
        # jobs
        ("apis.1.timeout", "11h48m1s", "must be above 0s and at most 11h48m"),
        ("apis.1.retention", "59m", "must be from 1h to 365d"),
        ("apis.1.input_buckets", ["photos", "photos"], "must list each bucket once: photos"),
        ("apis.1.dead_letter_queues", _FIFO, "must be a list"),
        ("apis.1.dead_letter_queues", ["failed.fifo"], "must be the ARN of an SQS FIFO queue"),
        ("apis.1.dead_letter_queues", [_FIFO.removesuffix(".fifo")], "must be the ARN of an SQS FIFO queue"),
        ("apis.1.dead_letter_queues", [f"{_FIFO}\n"], "must be the ARN of an SQS FIFO queue"),
        ("apis.1.dead_letter_queues", [_FIFO, _FIFO], f"must list each queue once: {_FIFO}"),
        ("apis.1.autoscaling", {}, "is a key of an AsyncAPI, not of a BatchAPI"),
        ("apis.1.inline_result_bytes", 1, "is a key of an AsyncAPI, not of a BatchAPI"),
        ("apis.0.dead_letter_queues", [], "is a key of a BatchAPI, not of an AsyncAPI"),
        ("apis.1.networking.forward_headers", [], "is not a key that exists here"),
        # pod
        ("apis.0.pod.port", 0, "must be at least 1"),
        ("apis.0.pod.port", 65536, "must be at most 65535"),
        ("apis.0.pod.port", 8888, "must not be 8888"),
        ("apis.0.pod.port", 15000, "must not be 15000"),
        ("apis.0.pod.port", "8080", 'must be a whole number, not "8080"'),
        ("apis.0.pod.port", True, "must be a whole number, not true"),
        ("apis.0.pod.port", 1.5, "must be a whole number, not 1.5"),
        ("apis.0.pod.max_concurrency", 0, "must be at least 1"),
        ("apis.0.pod.max_concurrency", 101, "must be at most 100"),
        (CONTAINERS, [], "must list at least one container"),
        (CONTAINERS, _containers(10), "must list at most 9 containers"),
        (CONTAINERS, _containers(2, compute={"cpu": 8}), "ask for 16.125 vCPU and 256 MiB together"),
        (CONTAINERS, _containers(2, compute={"mem": "60Gi"}), "and 123136 MiB together with the dequeuer"),
        # containers
        (f"{CONTAINERS}.0.name", "dequeuer", "Penstock runs a container of this name"),
        (f"{CONTAINERS}.0.name", "proxy", "Penstock runs a container of this name"),
        (f"{CONTAINERS}.0.name", "spec", "Penstock runs a container of this name"),
        (f"{CONTAINERS}.0.name", "prefetch", "Penstock runs a container of this name"),
        ("apis.1.pod", {"containers": _containers(9)}, "must have at most 8 containers"),
        (
            "apis.0.pod",
            {"prefetch": _MODEL, "containers": _containers(9)},
            "at most 8 containers: ECS allows 10 in a task, and the dequeuer and what prefetches are two",
        ),
        (
            "apis.1.pod",
            {"prefetch": _MODEL, "containers": _containers(8)},
            "the dequeuer, what prefetches and what writes the job's file are three",
        ),
        # prefetch
        (f"{PREFETCH}", [{"to": "/mnt/a"}], "is required"),
        (f"{PREFETCH}", [{"from": "s3://models", "to": "/mnt/a"}], "must be an object, s3://bucket/key"),
        (f"{PREFETCH}", [{"from": "https://models/a", "to": "/mnt/a"}], "must be an object, s3://bucket/key"),
        (f"{PREFETCH}", [{"from": "s3://models/*.bin", "to": "/mnt/a"}], "no wildcards"),
        (f"{PREFETCH}", [{"from": f"s3://models/{'ä' * 513}", "to": "/mnt/a"}], "at most 1024 bytes"),
        (f"{PREFETCH}", [{"from": "s3://models/a", "to": "/srv/a"}], "must be a path below /mnt"),
        (f"{PREFETCH}", [{"from": "s3://models/a", "to": "/mnt/"}], "must be a path below /mnt"),
        (f"{PREFETCH}", [{"from": "s3://models/a", "to": "/mnt/../etc/a"}], "without . and .. in it"),
        (f"{PREFETCH}", [{"from": "s3://models/a", "to": "/mnt//a"}], "must be a path below /mnt"),
        (
            f"{PREFETCH}",
            [{"from": "s3://models/a", "to": "/mnt/a"}, {"from": "s3://models/b/", "to": "/mnt/a/"}],
            "must list each place once: a",
        ),
        (
            f"{PREFETCH}",
            [
                {"from": "s3://models/a/w.bin", "to": "/mnt/a/"},
                {"from": "s3://models/b", "to": "/mnt/a/w.bin"},
            ],
            "must list each place once: a/w.bin",
        ),
        (
            f"{PREFETCH}",
            [{"from": "s3://models/a", "to": "/mnt/a/b/c"}, {"from": "s3://models/b", "to": "/mnt/a"}],
            "must not have a file, /mnt/a, where /mnt/a/b/c needs a folder",
        ),
        (
            f"{PREFETCH}",
            [{"from": "s3://models/a", "to": "/mnt/x/"}, {"from": "s3://models/b/", "to": "/mnt/x/a/b"}],
            "must not have a file, /mnt/x/a, where /mnt/x/a/b needs a folder",
        ),
        (f"{PREFETCH}", _MODEL * 21, "must list at most 20 sources, not 21"),
        # private registries
        (f"{CONTAINERS}.0.registry_credentials", "registry", "must be the ARN of a Secrets Manager secret"),
        (f"{CONTAINERS}.0.registry_credentials", f"{_SECRET}:user::", "without a key behind it"),
        (
            CONTAINERS,
            [{"name": "c", "image": _ECR_IMAGE, "registry_credentials": _SECRET}],
            "must not stand beside an image of ECR's",
        ),
        (f"{CONTAINERS}.0.image", "https://x/y", "must name an image"),
        (f"{CONTAINERS}.0.image", "", "must name an image"),
        (f"{CONTAINERS}.0.build", 5, "must be the path of a folder, not 5"),
        (f"{CONTAINERS}.0.command", "python x", "must be a list"),
        (f"{CONTAINERS}.0.args.0", 8080, "must be text, not 8080"),
        (f"{CONTAINERS}.0.env", ["A=1"], "must be a map"),
        (
            f"{CONTAINERS}.0.env.DEBUG",
            1,
            "must be text, not 1; numbers, true and false become text in quotes",
        ),
        (f"{CONTAINERS}.0.env.DEBUG", True, "must be text, not true"),
        (f"{CONTAINERS}.0.env.A-B", "x", "must hold only letters, digits and underscores"),
        (f"{CONTAINERS}.0.env.PENSTOCK_X", "x", "must not start with PENSTOCK_"),
        (f"{CONTAINERS}.0.env.CORTEX_X", "x", "must not start with CORTEX_"),
        (f"{CONTAINERS}.0.env.AWS_REGION", "x", "must not start with AWS_"),
        (f"{CONTAINERS}.0.secrets.A", "arn:aws:s3:::bucket", "must be the ARN of a Secrets Manager secret"),
        (f"{CONTAINERS}.0.secrets.AWS_KEY", "x", "must not start with AWS_"),
        # compute
        (f"{COMPUTE}.cpu", "19m", "must be at least 20m"),
        (f"{COMPUTE}.cpu", "much", "must be an amount of CPU"),
        (f"{COMPUTE}.mem", "19Mi", "must be at least 20Mi"),
        (f"{COMPUTE}.mem", 512, "with a unit"),
        (f"{COMPUTE}.gpu", 1, "Fargate has no GPUs; use capacity.kind: managed_instances or ec2"),
        (f"{COMPUTE}.gpu", -1, "must be at least 0"),
        # probes
        (PROBE, {}, 'needs "http_get" or "tcp_socket"'),
        (PROBE, {"http_get": {}, "tcp_socket": {}}, "must have only one of"),
        (f"{PROBE}.http_get.path", "healthz", 'must start with "/"'),
        (f"{PROBE}.tcp_socket.port", 70000, "must be at most 65535"),
        (f"{PROBE}", {"tcp_socket": {}, "exec": {"command": ["x"]}}, "it cannot run a command in yours"),
        (LIVENESS, {}, 'needs "http_get" or "tcp_socket" or "exec"'),
        (LIVENESS, {"tcp_socket": {}, "exec": {"command": ["x"]}}, "must have only one of"),
        (LIVENESS, {"exec": {"command": []}}, "at least 1"),
        (LIVENESS, {"exec": {"command": "alive"}}, "must be a list"),
        (LIVENESS, {"tcp_socket": {}, "success_threshold": 2}, "must be at most 1"),
        (LIVENESS, {**_EXEC, "timeout_seconds": 1}, "must be from 2 to 60 with exec"),
        (LIVENESS, {**_EXEC, "timeout_seconds": 61}, "must be from 2 to 60 with exec"),
        (LIVENESS, {**_EXEC, "period_seconds": 4}, "must be from 5 to 300 with exec"),
        (LIVENESS, {**_EXEC, "failure_threshold": 11}, "must be from 1 to 10 with exec"),
        (LIVENESS, {**_EXEC, "initial_delay_seconds": 301}, "must be from 0 to 300 with exec"),
        (
            "apis.1.pod",
            {"containers": _containers(1, liveness_probe=_EXEC)},
            "ECS notes that a job's task is unhealthy, and does nothing",
        ),
        # autoscaling
        (f"{SCALING}.min_replicas", -1, "must be at least 0"),
        (f"{SCALING}.max_replicas", 0, "must be at least 1"),
        (f"{SCALING}.target_in_flight", 0, "must be above 0, not 0"),
        (f"{SCALING}.target_in_flight", "2", 'must be a number, not "2"'),
        (f"{SCALING}.target_in_flight", float("nan"), "must be a finite number"),
        (f"{SCALING}.window", "5s", "must be at least 10s and a multiple of 10s, not 5s"),
        (f"{SCALING}.window", "15s", "a multiple of 10s"),
        (f"{SCALING}.window", "25h", "must be at most 1d, not 1d1h"),
        (f"{SCALING}.downscale_stabilization_period", "2d", "must be at most 1d, not 2d"),
        (f"{SCALING}.upscale_stabilization_period", "2d", "must be at most 1d, not 2d"),
        (f"{SCALING}.max_replicas", 10_001, "must be at most 10000, not 10001"),
        (SCHEDULES, [{**_DAY, "max_replicas": 10_001}], "must be at most 10000, not 10001"),
        (f"{SCALING}.max_downscale_factor", 1, "must be below 1, not 1"),
        (f"{SCALING}.max_upscale_factor", 1, "must be above 1, not 1"),
        (f"{SCALING}.max_upscale_factor", float("inf"), "must be a finite number"),
        (f"{SCALING}.max_upscale_factor", 1e308, "must be at most 10000"),
        (f"{SCALING}.downscale_tolerance", 1, "must be below 1"),
        (f"{SCALING}.upscale_tolerance", -0.1, "must be at least 0, not -0.1"),
        (f"{SCALING}.upscale_stabilization_period", -1, "must be a duration"),
        (f"{SCALING}.init_replicas", 0, "must be from min_replicas to max_replicas, not 0"),
        (f"{SCALING}.init_replicas", 101, "must be from min_replicas to max_replicas, not 101"),
        (SCHEDULES, [_DAY, _DAY], 'another schedule is named "day"'),
        (SCHEDULES, [{**_DAY, "name": "by day"}], "match"),
        (SCHEDULES, [{**_DAY, "cron": "0 8 * * 1-5"}], "must have the six fields of AWS's cron"),
        (SCHEDULES, [{**_DAY, "cron": "cron(0 8 ? * MON-FRI *)"}], "minutes, which goes from 0 to 59"),
        (SCHEDULES, [{**_DAY, "cron": "0 24 ? * * *"}], "hours, which goes from 0 to 23"),
        (SCHEDULES, [{**_DAY, "cron": "0 8 31 2,4 ? *"}], "never comes: its months have no such day"),
        (SCHEDULES, [{**_DAY, "timezone": "Europe/Berlln"}], "must be the name of an IANA time zone"),
        (SCHEDULES, [{**_DAY, "min_replicas": -1}], "must be at least 0"),
        (SCHEDULES, [{**_DAY, "min_replicas": 101}], "must be at most the API's max_replicas, 100"),
        (SCHEDULES, [{**_DAY, "max_replicas": 1}], "must be at least min_replicas, 2, not 1"),
        # deployments
        (f"{UPDATE}.max_surge", "25", 'must be a share such as "25%"'),
        (f"{UPDATE}.max_surge", "101%", 'must be a share such as "25%"'),
        (f"{UPDATE}.max_surge", "025%", 'must be a share such as "25%"'),
        (f"{UPDATE}.max_surge", -1, 'must be a share such as "25%"'),
        (f"{UPDATE}.max_surge", True, 'must be a share such as "25%"'),
        (UPDATE, {"max_unavailable": 2}, "which scaling changes from 1 to 100"),
        (UPDATE, {"max_surge": "0%"}, "must not both be 0"),
        (UPDATE, {"max_surge": 0, "max_unavailable": 0}, "must not both be 0"),
        (
            UPDATE,
            {"max_surge": "25%", "max_unavailable": "25%"},
            'at least "100%", or min_replicas at least 4',
        ),
        (UPDATE, {"mode": "replace", "max_surge": "100%"}, "has no meaning with mode: replace"),
        (UPDATE, {"mode": "replace", "max_unavailable": 1}, "has no meaning with mode: replace"),
        (f"{UPDATE}.mode", "blue_green", "must be 'rolling' or 'replace'"),
        (f"{UPDATE}.failure_threshold", 0, "must be at least 1"),
        (f"{UPDATE}.failure_threshold", 201, "must be at most 200"),
        ("apis.1.update_strategy", {}, "not of a BatchAPI: its workers run for one job"),
        ("apis.0.pod.stop_timeout", "29s", "must be from 30s to 11h50m, not 29s"),
        ("apis.0.pod.stop_timeout", "12h", "must be from 30s to 11h50m, not 12h"),
        ("apis.0.pod.stop_timeout", "121s", "must be at most 2m on fargate, where AWS waits no longer"),
        # addresses, in the one notation that AWS takes
        ("network", {"kind": "nat", "cidr": "10.0.0.0/255.255.0.0"}, "must be an IPv4 range"),
        ("network", {"kind": "nat", "cidr": "10.0.0.0/0.0.255.255"}, "must be an IPv4 range"),
        ("network", {"kind": "nat", "cidr": "fd00::/16"}, "must be an IPv4 range"),
        ("access.source_ips", ["10.0.0.0/255.0.0.0"], "must be an address or a range"),
        ("access.source_ips", ["fe80::1%eth0"], "must be an address or a range"),
        ("monitoring.alarm_emails", ["a@b.example", "a@b.example"], "must list each address once"),
        ("tracing", {"endpoint": "https://[::1"}, "must be the base URL of a collector"),
        ("tracing", {"endpoint": "https://a:99999"}, "must be the base URL of a collector"),
        ("tracing", {"endpoint": "https://a/\nb"}, "must be the base URL of a collector"),
        # webhooks that the deployment's own rules refuse
        ("apis.0.webhook.url", "http://a.example/x", "is refused: Only https:// is called"),
        ("apis.0.webhook.url", "https://a.example:8443/x", "is refused: Port 8443 is not called"),
        ("apis.0.webhook.url", "https://10.0.0.1/x", "leads to an address that is not public"),
        ("apis.1.webhook.url", "https://intranet/x", "intranet is no full name"),
        # networking
        ("apis.0.networking.endpoint", "a/b", "must be one path segment"),
        ("apis.0.networking.endpoint", "//a", "must be one path segment"),
        ("apis.0.networking.endpoint", "..", "must be one path segment"),
        ("apis.0.networking.endpoint", "ä", "must be one path segment"),
        ("apis.0.networking.endpoint", "/docs", "Penstock uses it itself"),
        ("apis.0.networking.forward_headers.0", "a b", "must be the name of an HTTP header"),
        ("apis.0.networking.forward_headers.0", "X-Penstock-Attempt", "is set by Penstock"),
        ("apis.0.networking.forward_headers", ["X-A", "x-a"], "must list each header once: x-a"),
        # local
        ("apis.0.local", {"command": 'python "x'}, "whose quotes are closed"),
        ("apis.0.local", {"command": ""}, "must start with the program"),
        ("apis.0.local", {"command": [""]}, "must start with the program"),
        ("apis.0.local", {"command": 5}, "must be a list, not 5"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason_at_its_place(refused, place, value, message):
    if place.endswith(".0") and place.count(".") > 2:  # the first entry of a list that is not there yet
        place, value = place.removesuffix(".0"), [value]

    (problem,) = (
        found for found in refused(place, value) if 'must have only one of "image"' not in found.message
    )

    assert message in problem.message
    assert problem.path.replace("[", ".").replace("]", "").replace('"', "").startswith(place)


def test_what_is_built_here_needs_no_credentials(refused):
    problems = refused(CONTAINERS, [{"name": "c", "build": ".", "registry_credentials": _SECRET}])
    assert any("must stand beside image" in problem.message for problem in problems)


def test_a_misspelt_time_zone_is_answered_with_the_nearest(refused):
    (problem,) = refused(SCHEDULES, [{**_DAY, "timezone": "Europe/Berlln"}])
    assert problem.suggestion == "Europe/Berlin"


@pytest.mark.parametrize(
    "header",
    [
        *(
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "X-Api-Key",
            "X-Amz-Security-Token",
        ),
        *("Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Authenticate"),
        *("Host", "Content-Length", "Expect"),
    ],
)
def test_credentials_and_headers_of_the_connection_are_never_forwarded(refused, header):
    (problem,) = refused("apis.0.networking.forward_headers", ["X-Fine", header])
    assert problem.path == "apis[0].networking.forward_headers[1]"
    assert f'"{header.lower()}" is never stored' in problem.message


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("deployment", "a" * 16),
        ("apis.0.name", "a" * 42),
        ("apis.0.timeout", "11h48m"),
        ("apis.0.timeout", 1),
        ("apis.0.retention", "1h"),
        ("apis.0.retention", "365d"),
        ("apis.0.inline_result_bytes", 0),
        ("apis.1.timeout", "11h48m"),
        ("apis.1.dead_letter_queues", [_FIFO, _FIFO.replace("aws", "aws-cn", 1)]),
        ("apis.0.pod.port", 65535),
        (CONTAINERS, _containers(9)),
        ("apis.1.pod", {"containers": _containers(8)}),
        (CONTAINERS, _containers(1, compute={"cpu": "15875m", "mem": "122624Mi"})),
        (f"{COMPUTE}.cpu", "20m"),
        (f"{COMPUTE}.mem", "20Mi"),
        (f"{SCALING}.window", "10s"),
        (SCHEDULES, [{**_DAY, "min_replicas": 0, "max_replicas": 1}]),
        (SCHEDULES, [{**_DAY, "cron": "0 8 29 2 ? *"}]),
        (SCHEDULES, [{**_DAY, "min_replicas": 150, "max_replicas": 150}]),
        ("apis.0.pod", {"prefetch": _MODEL, "containers": _containers(8)}),
        ("apis.1.pod", {"prefetch": _MODEL, "containers": _containers(7)}),
        (PREFETCH, [{"from": "s3://models/", "to": "/mnt/all"}, {"from": "s3://models/a", "to": "/mnt/a/b"}]),
        (PREFETCH, [{"from": "s3://models/a", "to": "/mnt/x/"}, {"from": "s3://models/b", "to": "/mnt/x/"}]),
        (PREFETCH, [{"from": "s3://models/a/", "to": "/mnt/x"}, {"from": "s3://models/b", "to": "/mnt/x/"}]),
        (PREFETCH, [{"from": "s3://models/a", "to": "/mnt/x"}, {"from": "s3://models/b", "to": "/mnt/xy/b"}]),
        (LIVENESS, {**_EXEC, "timeout_seconds": 60, "period_seconds": 300, "failure_threshold": 10}),
        (LIVENESS, {"tcp_socket": {}, "timeout_seconds": 1, "period_seconds": 1, "failure_threshold": 100}),
        ("apis.1.pod", {"containers": _containers(1, liveness_probe={"tcp_socket": {}})}),
        (f"{CONTAINERS}.0.registry_credentials", _SECRET),
        (f"{SCALING}.max_downscale_factor", 0),
        (f"{SCALING}.upscale_stabilization_period", "0s"),
        (UPDATE, {"max_surge": 0, "max_unavailable": "100%"}),
        (UPDATE, {"mode": "replace", "failure_threshold": 200}),
        ("apis.0.pod.stop_timeout", "30s"),
        ("apis.1.pod.stop_timeout", "2m"),
        (
            f"{CONTAINERS}.0.secrets.A",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password::",
        ),
        (f"{CONTAINERS}.0.secrets.A", "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/db/password"),
        (f"{CONTAINERS}.0.secrets.A", "/db/password"),
        (f"{CONTAINERS}.0.image", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x@sha256:00"),
    ],
)
def test_the_limits_themselves_are_allowed(accepted, place, value):
    accepted(place, value)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ({"deny": ["*.example.com"]}, "hooks.example.com is in this deployment's callbacks.deny"),
        ({"allow": ["other.example"]}, "hooks.example.com is not in this deployment's callbacks.allow"),
        ({"ports": [8443]}, "Port 443 is not called"),
    ],
    ids=["denied", "not allowed", "another port"],
)
def test_a_webhook_that_no_call_may_go_to_is_refused(write, callbacks, message):
    api = {**VALID["apis"][0], "webhook": {"url": "https://hooks.example.com/x"}}
    with pytest.raises(ConfigError) as caught:
        load(write(yaml.safe_dump({**VALID, "callbacks": callbacks, "apis": [api]})))
    (problem,) = caught.value.problems
    assert (problem.path, message in problem.message) == ("apis[0].webhook.url", True)


@pytest.mark.parametrize("url", ["http://localhost:9000/x", "http://127.0.0.1:9000/x", "https://a.example/x"])
def test_a_webhook_may_go_to_this_machine_for_the_local_stages(accepted, url):
    assert accepted("apis.0.webhook.url", url).apis[0].webhook.url == url


@pytest.mark.parametrize(
    ("schedule", "update", "message"),
    [
        ({"min_replicas": 1, "max_replicas": 2}, {"max_surge": "10%"}, "with 1 replica(s), the fewest"),
        ({"min_replicas": 20, "max_replicas": 20}, {"max_surge": 5}, "scaling changes from 10 to 20"),
    ],
    ids=["too few for a share", "another number"],
)
def test_a_deployment_must_go_on_whatever_schedule_is_due(write, schedule, update, message):
    scaling = {"min_replicas": 10, "max_replicas": 10, "schedules": [{**_DAY, **schedule}]}
    api = {**VALID["apis"][0], "autoscaling": scaling, "update_strategy": update}
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(write(yaml.safe_dump({**VALID, "apis": [api]})))


def test_scaling_to_zero_is_allowed(accepted):
    assert accepted(SCALING, {"min_replicas": 0}).apis[0].autoscaling.init_replicas == 0


def test_more_min_than_max_replicas_are_refused_even_if_max_is_the_default(refused):
    messages = [problem.message for problem in refused(f"{SCALING}.min_replicas", 200)]
    assert messages == ["must be at least min_replicas, 200, not 100"]


def test_an_image_and_a_build_folder_exclude_each_other(refused, tmp_path):
    (tmp_path / "Dockerfile").touch()
    both, neither = {"name": "a", "image": "x", "build": "."}, {"name": "a"}

    (problem,) = refused(CONTAINERS, [both])
    assert problem.message == 'must have only one of "image" or "build"'
    (problem,) = refused(CONTAINERS, [neither])
    assert problem.message == 'needs "image" or "build"'


@pytest.mark.parametrize("folder", ["missing", "a\x00b", "x" * 5000])
def test_a_build_folder_must_exist(refused, folder):
    (problem,) = refused(CONTAINERS, [{"name": "a", "build": folder}])
    assert problem.path == "apis[0].pod.containers[0].build"
    assert problem.message.startswith("names a folder that does not exist")


def test_a_build_folder_must_hold_a_dockerfile(refused, tmp_path):
    (tmp_path / "server").mkdir()
    (problem,) = refused(CONTAINERS, [{"name": "a", "build": "server"}])
    assert problem.message == 'names a folder that holds no Dockerfile: "server"'


def test_the_folder_of_a_local_server_must_exist(refused):
    (problem,) = refused("apis.0.local", {"command": "x", "directory": "missing"})
    assert problem.path == "apis[0].local.directory"


def test_a_variable_is_either_text_or_a_secret(refused):
    container = {"name": "a", "image": "x", "env": {"A": "1", "B": "2"}, "secrets": {"B": "/b"}}
    (problem,) = refused(CONTAINERS, [container])
    assert (problem.path, problem.message) == (
        "apis[0].pod.containers[0].secrets",
        "must not name what env names too: B",
    )


def test_containers_of_one_pod_have_different_names(refused):
    (problem,) = refused(CONTAINERS, [{"name": "a", "image": "x"}, {"name": "a", "image": "y"}])
    assert problem.path == "apis[0].pod.containers[1].name"


def _api(name: str, **settings: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "AsyncAPI",
        "pod": {"containers": [{"name": "a", "image": "x"}]},
        **settings,
    }


def test_apis_have_different_names(refused):
    (problem,) = refused("apis", [_api("one"), _api("two"), _api("one")])
    assert (problem.path, problem.message) == (
        "apis[2].name",
        'must be unique: another API is named "one"',
    )


def test_no_api_has_the_dead_letter_queue_of_another_for_its_own(refused):
    (problem,) = refused("apis", [_api("one-dlq"), _api("one")])
    assert (problem.path, problem.message) == (
        "apis[0].name",
        'is the name of the dead-letter queue of the API "one"',
    )


@pytest.mark.parametrize(
    ("apis", "place"),
    [
        # two endpoints
        (
            [
                _api("one", networking={"endpoint": "x"}),
                _api("two", networking={"endpoint": "/x"}),
            ],
            "apis[1].networking.endpoint",
        ),
        # an endpoint, and the name of a later API
        ([_api("one", networking={"endpoint": "two"}), _api("two")], "apis[1].name"),
        # an endpoint, and the name of an earlier API
        ([_api("one"), _api("two", networking={"endpoint": "one"})], "apis[1].networking.endpoint"),
    ],
)
def test_apis_have_different_endpoints(refused, apis, place):
    (problem,) = refused("apis", apis)
    assert problem.path == place
    assert 'the same endpoint as the API "one"' in problem.message


def test_a_name_is_free_as_an_endpoint_once_its_api_uses_another(accepted):
    apis = [_api("one", networking={"endpoint": "x"}), _api("two", networking={"endpoint": "one"})]
    assert [api.endpoint for api in accepted("apis", apis).apis] == ["x", "one"]


def test_a_timeout_leaves_room_for_the_longest_retry_wait(accepted):
    longest = accepted("apis.0.timeout", "11h48m").apis[0].timeout
    assert longest + timedelta(minutes=2) == timedelta(hours=11, minutes=50)


def test_a_dequeuer_on_instances_of_ones_own_may_take_as_long_to_stop_as_a_request_may_run(write):
    container = {"name": "server", "image": "x", "compute": {"cpu": 1, "mem": "1Gi"}}
    api = {
        "name": "film",
        "kind": "AsyncAPI",
        "capacity": {"kind": "ec2", "instance_types": ["m7i.xlarge"]},
        "pod": {"containers": [container], "stop_timeout": "11h50m"},
    }
    config = load(write(yaml.safe_dump({"deployment": "demo", "network": {"kind": "nat"}, "apis": [api]})))
    assert config.apis[0].pod.stop_timeout == timedelta(hours=11, minutes=50)
