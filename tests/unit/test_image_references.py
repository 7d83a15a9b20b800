from __future__ import annotations

import pytest

from penstock.image_references import ecr_image, names_a_digest

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("reference", "repository", "tag", "digest"),
    [
        (f"{HOST}/cdk-assets:0abc", "cdk-assets", "0abc", None),
        (f"{HOST}/team/cache", "team/cache", None, None),
        (f"{HOST}/team/cache@{DIGEST}", "team/cache", None, DIGEST),
        (f"{HOST}/team/cache:7@{DIGEST}", "team/cache", "7", DIGEST),
    ],
    ids=["tag", "nothing", "digest", "both"],
)
def test_a_reference_of_ecr_is_taken_apart(reference, repository, tag, digest):
    image = ecr_image(reference)

    assert (image.account, image.region) == ("111122223333", "eu-west-1")
    assert (image.repository, image.tag, image.digest) == (repository, tag, digest)


@pytest.mark.parametrize(
    "reference", ["python:3.13-slim", "ghcr.io/a/b:1", f"{HOST}.example.com/a:1", f"{HOST}/"]
)
def test_what_is_not_of_ecr_is_told_from_it(reference):
    assert ecr_image(reference) is None


def test_a_pinned_reference_names_the_digest_and_no_tag_that_could_contradict_it():
    pinned = str(ecr_image(f"{HOST}/team/cache:7").pinned(DIGEST))

    assert pinned == f"{HOST}/team/cache@{DIGEST}"
    assert names_a_digest(pinned)


@pytest.mark.parametrize("reference", ["python:3.13", f"python@{DIGEST[:-1]}", "python@sha256:", DIGEST])
def test_only_a_whole_digest_counts_as_one(reference):
    assert not names_a_digest(reference)
