"""The longest streams: a payload by upload, and a result as long, through one dequeuer at the same time.

The emulator holds bodies in memory, several times over while they arrive. So `make test` moves 256 MiB;
docs/performance.md has what 1 GiB took (`STREAM_TEST_MIB=1024`).
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from penstock.records import Status
from tests.e2e.test_requests import peak_megabytes
from tests.e2e.test_uploads import digest_of

MEGABYTE = 1024 * 1024
STREAM_MIB = int(os.environ.get("STREAM_TEST_MIB", "256"))
#: Of one stream, whatever its length; the bench measures it without an emulator in the way.
PEAK_MIB = 120


@pytest.fixture(scope="module")
def payload(tmp_path_factory) -> Path:
    """A file without a period, so that pieces in the wrong order would show."""
    path = tmp_path_factory.mktemp("payload") / "clip.mp4"
    with path.open("wb") as file:
        for number in range(STREAM_MIB):
            file.write(hashlib.shake_256(number.to_bytes(4)).digest(MEGABYTE))
    return path


def forget_peak(pid: int) -> None:
    """Earlier tests had the same dequeuer."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_a_long_payload_and_a_result_as_long_stream_through_in_bounded_memory(
    stack, payload, framing, tmp_path
):
    worker = stack.dequeuer("awkward")
    forget_peak(worker)

    submission = stack.client.submit_file(
        "awkward-path", payload, content_type="video/mp4", query=[("do", "stream"), ("framing", framing)]
    )
    state = stack.finished("awkward-path", submission.id, within_seconds=600)

    assert (state.status, state.result_size_bytes) == (Status.COMPLETED, STREAM_MIB * MEGABYTE)
    assert peak_megabytes(worker) < PEAK_MIB
    stack.client.download("awkward-path", submission.id, tmp_path / "back")
    assert digest_of(tmp_path / "back") == digest_of(payload)
    [result] = stack.keys(f"results/awkward/{submission.id}")
    stack.aws("s3").delete_object(Bucket=stack.bucket, Key=result)
