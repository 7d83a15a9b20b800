"""The init container's program against S3: what it downloads, and how it ends when it cannot."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import boto3
import pytest

from dequeuer.prefetch.plan import RANGE_BYTES
from penstock import ids
from tests.conftest import ROOT

#: As much as a range and a bit, of bytes that do not repeat at the edges of ranges.
LARGE = os.urandom(1000) * (RANGE_BYTES // 1000 + 2)


@pytest.fixture(params=["moto", pytest.param("emulator", marks=pytest.mark.emulator)])
def site(request, tmp_path):
    return Site(request.getfixturevalue(f"{request.param}_url"), tmp_path / "mnt")


class Site:
    """A bucket, a folder, and the program between them."""

    def __init__(self, url: str, mnt) -> None:
        self.url, self.mnt = url, mnt
        self.s3 = boto3.client("s3", endpoint_url=url)
        self.bucket = ids.new_request_id()
        self.s3.create_bucket(Bucket=self.bucket)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def run(
        self, *wanted: tuple[str, str], bucket: str | None = None, **options
    ) -> subprocess.CompletedProcess[str]:
        entries = [{"bucket": bucket or self.bucket, "key": key, "path": path} for key, path in wanted]
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.url,
            "PENSTOCK_API": "a",
            "PENSTOCK_MNT": str(self.mnt),
            "PENSTOCK_PREFETCH": json.dumps(entries),
        }
        return subprocess.run(
            [sys.executable, "-m", "dequeuer.prefetch"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    def refused(self, *wanted: tuple[str, str], bucket: str | None = None, **options) -> tuple[int, str]:
        """The exit code, and the last line of the log."""
        ended = self.run(*wanted, bucket=bucket, **options)
        assert "Traceback" not in ended.stderr + ended.stdout
        return ended.returncode, json.loads(ended.stdout.splitlines()[-1])["message"]


def test_prefixes_and_objects_are_downloaded_byte_for_byte(site):
    site.put("model/weights.bin", LARGE)
    site.put("model/vocabulary/empty", b"")
    site.put("model/", b"")
    site.put("elsewhere", b"no")
    site.put("tokens ä+&.json", b"{}")

    ended = site.run(("model/", "m"), ("tokens ä+&.json", "t/"))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (site.mnt / "m/weights.bin").read_bytes() == LARGE
    there = {str(path.relative_to(site.mnt)) for path in site.mnt.rglob("*") if path.is_file()}
    assert there == {"m/weights.bin", "m/vocabulary/empty", "t/tokens ä+&.json"}
    [line] = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (line["message"], line["files"], line["done_bytes"]) == ("prefetched", 3, len(LARGE) + 2)


@pytest.mark.emulator
def test_more_objects_than_a_listing_has_on_a_page_are_all_downloaded(emulator_url, tmp_path):
    site = Site(emulator_url, tmp_path / "mnt")
    for number in range(1001):
        site.put(f"many/{number}", b"x")

    assert site.run(("many/", "m")).returncode == 0
    assert len(list((site.mnt / "m").iterdir())) == 1001


def test_a_bucket_that_does_not_exist_is_named(site):
    code, told = site.refused(("model/", "m"), bucket="no-such-bucket-anywhere")
    assert (code, "s3://no-such-bucket-anywhere/model/" in told, "no such bucket" in told) == (66, True, True)


def test_a_prefix_with_nothing_below_it_is_named(site):
    code, told = site.refused(("model/", "m"))
    assert (code, f"there is no object below s3://{site.bucket}/model/" in told) == (66, True)


def test_a_disk_that_is_full_in_the_middle_ends_the_program_with_the_remedy(site):
    site.put("model", LARGE)

    # No file may grow further than this; Python turns the signal into an error as of a full disk.
    code, told = site.refused(
        ("model", "m"), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    )

    assert (code, "pod.ephemeral_storage" in told) == (73, True)
    assert not (site.mnt / "m").exists()


def test_settings_that_are_missing_are_all_named():
    ended = subprocess.run(
        [sys.executable, "-m", "dequeuer.prefetch"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PENSTOCK_API": "a", "PENSTOCK_PREFETCH": "[1]"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 78
    assert "PENSTOCK_MNT is not set" in ended.stderr
    assert "PENSTOCK_PREFETCH" in ended.stderr


def test_what_may_not_be_read_is_named(moto_url, tmp_path):
    site = Site(moto_url, tmp_path / "mnt")
    site.put("model/a", b"x")
    site.s3.put_bucket_policy(
        Bucket=site.bucket,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:GetObject",
                        "Resource": f"arn:aws:s3:::{site.bucket}/*",
                    }
                ],
            }
        ),
    )

    code, told = site.refused(("model/", "m"))

    assert (code, f"cannot read s3://{site.bucket}/model/a" in told, "bucket's policy" in told) == (
        77,
        True,
        True,
    )


def test_an_s3_that_is_not_there_is_tried_again_and_then_told(tmp_path):
    site = Site.__new__(Site)
    site.url, site.mnt, site.bucket = "http://127.0.0.1:1", tmp_path / "mnt", "b"

    code, told = site.refused(("model/", "m"))

    assert (code, "cannot list s3://b/model/" in told) == (69, True)
