from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.config.quantities import format_duration, parse_cpu, parse_duration, parse_memory


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("1d12h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),  # a unit may exceed the next larger one
        ("0s", timedelta()),
        (90, timedelta(seconds=90)),
        (timedelta(seconds=3), timedelta(seconds=3)),  # from Python, not from a file
    ],
)
def test_durations_are_read(written, meant):
    assert parse_duration(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "5",  # text without a unit
        "m",
        "30m1h",  # smallest first
        "1h1h",
        "1.5h",
        "-5m",
        "5 m",
        "5M",
        "\N{ARABIC-INDIC DIGIT FIVE}m",  # a digit, but not one of ours
        "9999999999s",  # ten digits
        "999999999d999999999h",  # longer than timedelta holds
        -1,
        10**9,
        1.5,
        True,
        None,
        ["5m"],
    ],
)
def test_other_durations_are_refused(written):
    with pytest.raises(ValueError, match=r"must be a duration|is longer than"):
        parse_duration(written)


@given(st.integers(min_value=0, max_value=10**10).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_duration_written_is_read_as_the_same(duration):
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("written", "millicores"),
    [
        ("200m", 200),
        ("1", 1000),
        (1, 1000),
        (0.5, 500),
        ("0.25", 250),
        ("0.0001", 1),  # rounded up, as Kubernetes does
        (0.1, 100),  # no binary fraction equals 0.1
    ],
)
def test_cpu_is_read_as_millicores(written, millicores):
    assert parse_cpu(written) == millicores


@pytest.mark.parametrize("written", ["", "1.5m", "1 core", "-1", -1, True, None, 1e-9, float("inf"), {}])
def test_other_amounts_of_cpu_are_refused(written):
    with pytest.raises(ValueError, match="must be an amount of CPU"):
        parse_cpu(written)


@pytest.mark.parametrize(
    ("written", "mebibytes"),
    [
        ("512Mi", 512),
        ("2Gi", 2048),
        ("1.5Gi", 1536),
        ("1Ti", 2**20),
        ("1048576Ki", 1024),
        ("1000M", 954),  # 953.67 MiB, rounded up
        ("1G", 954),
    ],
)
def test_memory_is_read_as_mebibytes(written, mebibytes):
    assert parse_memory(written) == mebibytes


@pytest.mark.parametrize("written", ["", "512", 512, "512mi", "512MB", "-1Gi", "1 Gi", True, None])
def test_other_amounts_of_memory_are_refused(written):
    with pytest.raises(ValueError, match="must be an amount of memory with a unit"):
        parse_memory(written)
