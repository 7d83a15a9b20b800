"""Listings of the user's buckets. Deviations of an emulator are named where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import boto3
import pytest
from botocore.stub import Stubber

from penstock import ids
from penstock.aws.listing import S3InputListing
from penstock.batch.ports import BucketForbidden, FoundObject, InputListing, NoSuchBucket
from penstock.ports import DependencyError
from penstock.testing import MemoryInputListing, MemoryObjects
from tests.contract.conftest import BACKENDS, _client


@dataclass
class Bucket:
    listing: InputListing
    name: str
    put: Callable[[str, bytes], None]

    def keys(self, prefix: str = "", *, after: str | None = None) -> list[str]:
        return [found.key for page in self.listing.pages(self.name, prefix, after=after) for found in page]


@pytest.fixture(params=BACKENDS)
def bucket(request) -> Bucket:
    name = ids.new_request_id()
    if request.param == "memory":
        objects = MemoryObjects()
        listing = MemoryInputListing(objects)
        listing.empty.add(name)
        return Bucket(listing, name, lambda key, body: objects.foreign.update({(name, key): body}))
    client = _client("s3", request.getfixturevalue(f"{request.param}_url"))
    client.create_bucket(Bucket=name)
    return Bucket(
        S3InputListing(client), name, lambda key, body: client.put_object(Bucket=name, Key=key, Body=body)
    )


def test_objects_come_in_the_order_of_their_keys_with_size_and_version(bucket):
    for key in ("b", "a/2", "a/1", "a", "\N{LATIN SMALL LETTER E WITH ACUTE}"):
        bucket.put(key, key.encode() * 3)
    (page,) = bucket.listing.pages(bucket.name, "")
    assert [found.key for found in page] == ["a", "a/1", "a/2", "b", "\N{LATIN SMALL LETTER E WITH ACUTE}"]
    assert [found.size_bytes for found in page] == [3, 9, 9, 3, 6]
    assert page[0] == FoundObject("a", 3, '"47bce5c74f589f4867dbd57e9ca9f808"')


def test_a_prefix_is_a_string_and_no_folder(bucket):
    for key in ("in", "in/1", "inner", "i", "out"):
        bucket.put(key, b"x")
    assert bucket.keys("in") == ["in", "in/1", "inner"]
    assert bucket.keys("in/") == ["in/1"]


def test_an_empty_bucket_and_one_without_a_match_have_nothing(bucket):
    assert bucket.keys() == []
    bucket.put("a", b"x")
    assert bucket.keys("b") == []


def test_a_listing_goes_on_behind_a_key(bucket):
    for key in ("a", "b", "c"):
        bucket.put(key, b"x")
    assert bucket.keys(after="a") == ["b", "c"]
    assert bucket.keys(after="bb") == ["c"]
    assert bucket.keys(after="c") == []


def test_a_page_has_a_thousand_objects(bucket, request):
    if "emulator" in request.node.callspec.id:
        pytest.skip("a thousand calls more to show what moto shows")
    for number in range(1001):
        bucket.put(f"{number:04d}", b"")
    assert [len(page) for page in bucket.listing.pages(bucket.name, "")] == [1000, 1]
    assert bucket.keys(after="0999") == ["1000"]


def test_a_missing_bucket_is_told_apart(bucket):
    with pytest.raises(NoSuchBucket):
        list(bucket.listing.pages(f"{bucket.name}-not", ""))


def refused(code: str, status: int) -> S3InputListing:
    """S3 as it answers where the emulators cannot be made to."""
    client = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    stub = Stubber(client)
    stub.add_client_error("list_objects_v2", code, http_status_code=status)
    stub.activate()
    return S3InputListing(client)


@pytest.mark.parametrize("code", ["AccessDenied", "AllAccessDisabled"])
def test_a_bucket_that_may_not_be_listed_is_told_apart(code):
    with pytest.raises(BucketForbidden):
        list(refused(code, 403).pages("closed", ""))


def test_any_other_fault_is_the_stores():
    with pytest.raises(DependencyError):
        list(refused("SlowDown", 503).pages("busy", ""))


def test_the_stand_in_refuses_what_it_is_told_to():
    listing = MemoryInputListing(MemoryObjects())
    listing.forbidden.add("closed")
    with pytest.raises(BucketForbidden):
        list(listing.pages("closed", ""))
