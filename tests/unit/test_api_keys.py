from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import api_keys
from penstock.api_keys import NoUsagePlan
from penstock.catalogue import ApiEntry, Catalogue
from penstock.key_ring import KeyRing, UnknownKey
from penstock.ports import DependencyError
from penstock.testing import ManualClock, MemoryApiKeys, MemoryMeters


class Breaking:
    """A port one of whose calls fails, before it takes effect or after."""

    def __init__(self, port, method: str, *, takes_effect: bool) -> None:
        self._port = port
        self._method = method
        self._takes_effect = takes_effect

    def __getattr__(self, name):
        real = getattr(self._port, name)
        if name != self._method:
            return real

        def fails(*arguments, **options):
            if self._takes_effect:
                real(*arguments, **options)
            raise DependencyError("broken off")

        return fails


class Deployment:
    """A table and an API Gateway, and operators who work on them one after the other."""

    def __init__(self, *, has_plan: bool = True) -> None:
        self.keys, self.meters = MemoryApiKeys(), MemoryMeters(has_plan=has_plan)
        self.clock = ManualClock()

    def ring(self, broken: str | None = None, *, takes_effect: bool = False) -> KeyRing:
        ports: dict[str, Any] = {"keys": self.keys, "meters": self.meters}
        if broken is not None:
            port, method = broken.split(".")
            ports[port] = Breaking(ports[port], method, takes_effect=takes_effect)
        return KeyRing(**ports, clock=self.clock)


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_a_secret_has_256_random_bits_and_is_recognised():
    secrets = {api_keys.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert secret.startswith("penstock_")
        assert len(secret) == len("penstock_") + 43  # 32 bytes in base64url
        assert api_keys.is_secret(secret)


@given(st.text(max_size=60))
def test_no_other_text_is_looked_up(text):
    assert not api_keys.is_secret(text)
    assert not api_keys.is_secret(api_keys.new_secret() + text + "\n")


def test_what_is_kept_is_a_hash_that_is_no_secret_itself():
    secret = api_keys.new_secret()
    digest = api_keys.digest_of(secret)
    assert digest == hashlib.sha256(secret.encode()).hexdigest()
    assert not api_keys.is_secret(digest)


def entry(name: str, endpoint: str) -> ApiEntry:
    return ApiEntry(
        name=name,
        endpoint=endpoint,
        timeout_seconds=1,
        max_attempts=1,
        retention_seconds=1,
        inline_result_bytes=0,
    )


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("words", True),
        ("word-count", False),  # the name is not the endpoint
        ("thumbnail", False),
        ("nope", False),
        ("", False),
        (None, False),  # a route that names no API
    ],
)
def test_a_key_may_call_the_endpoints_of_its_apis_and_no_others(endpoint, allowed):
    catalogue = Catalogue((entry("word-count", "words"), entry("thumbnail", "thumbnail")))
    assert api_keys.may_call(("word-count", "gone"), endpoint, catalogue) is allowed


def test_a_new_key_is_found_by_its_secret_and_counted_by_its_hash(deployment):
    key, secret = deployment.ring().create("ci", apis=["b", "a", "b"])
    digest = api_keys.digest_of(secret)

    assert deployment.keys.find(digest) == key
    assert (key.name, key.apis, key.created_ms) == ("ci", ("a", "b"), deployment.clock())
    assert deployment.meters.rows[key.id].digest == digest
    assert secret not in repr((deployment.keys.rows, deployment.meters.rows))


def test_keys_are_listed_by_name_without_their_secrets(deployment):
    ring = deployment.ring()
    made = [ring.create(name, apis=["a"]) for name in ("zoe", "ann")]

    assert [(entry.name, entry.id) for entry in ring.list()] == [
        ("ann", made[1][0].id),
        ("zoe", made[0][0].id),
    ]
    assert [entry.key for entry in ring.list()] == [made[1][0], made[0][0]]
    assert all(secret not in repr(ring.list()) for _, secret in made)


def test_a_revoked_key_is_gone_and_others_stay(deployment):
    ring = deployment.ring()
    (gone, secret), (stays, other) = (ring.create(name, apis=["a"]) for name in ("gone", "stays"))

    ring.revoke(gone.id)

    assert deployment.keys.find(api_keys.digest_of(secret)) is None
    assert deployment.keys.find(api_keys.digest_of(other)) == stays
    assert [entry.id for entry in ring.list()] == [stays.id]
    with pytest.raises(UnknownKey):
        ring.revoke(gone.id)


def test_a_deployment_without_keys_makes_none():
    deployment = Deployment(has_plan=False)
    with pytest.raises(NoUsagePlan):
        deployment.ring().create("ci", apis=["a"])
    assert (deployment.keys.rows, deployment.meters.rows) == ({}, {})


CREATING = [
    # step, whether it took effect, whether anything is left to be revoked
    ("meters.add", False, False),
    ("meters.add", True, True),
    ("keys.put", False, True),
    ("keys.put", True, True),
]


@pytest.mark.parametrize(("step", "takes_effect", "leaves_something"), CREATING)
def test_a_key_whose_making_broke_off_can_be_seen_and_revoked(
    deployment, step, takes_effect, leaves_something
):
    with pytest.raises(DependencyError):
        deployment.ring(step, takes_effect=takes_effect).create("ci", apis=["a"])

    left = deployment.ring().list()
    assert bool(left) is leaves_something
    # What could be let in is never there without what it is found by.
    assert len(deployment.keys.rows) <= len(left)
    for entry in left:
        deployment.ring().revoke(entry.id)
    assert (deployment.keys.rows, deployment.meters.rows) == ({}, {})


@pytest.mark.parametrize("takes_effect", [False, True])
@pytest.mark.parametrize("step", ["keys.delete", "meters.remove"])
def test_revoking_that_broke_off_is_finished_by_doing_it_again(deployment, step, takes_effect):
    key, _secret = deployment.ring().create("ci", apis=["a"])

    with pytest.raises(DependencyError):
        deployment.ring(step, takes_effect=takes_effect).revoke(key.id)

    # Nobody is let in by what cannot be found any more.
    assert deployment.meters.rows or not deployment.keys.rows
    if deployment.meters.rows:
        deployment.ring().revoke(key.id)
    assert (deployment.keys.rows, deployment.meters.rows) == ({}, {})


def test_a_key_half_revoked_lets_nobody_in(deployment):
    key, secret = deployment.ring().create("ci", apis=["a"])

    with pytest.raises(DependencyError):
        deployment.ring("meters.remove").revoke(key.id)

    assert deployment.keys.find(api_keys.digest_of(secret)) is None
    [left] = deployment.ring().list()
    assert (left.id, left.key) == (key.id, None)
