from __future__ import annotations

import ast
import threading
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.outgoing.call import Caller
from penstock.outgoing.resolver import SystemResolver
from penstock.records import Call
from penstock.testing import ManualClock
from penstock.webhooks import errors as hook_errors
from penstock.webhooks.addresses import is_loopback, is_public
from penstock.webhooks.deliveries import State
from penstock.webhooks.errors import CallbackRefused
from penstock.webhooks.guard import Guard, NotResolved, Policy
from penstock.webhooks.schedule import NoAnswer, Trouble
from penstock.webhooks.urls import MOST_CHARACTERS, parse
from tests.unit.gateway.front_door import FrontDoor
from tests.unit.webhooks.hostile import PUBLIC, PUBLIC_V6, Network, Resolver
from tests.unit.webhooks.station import Station

POLICY = Policy(deny=("denied.example.com", "*.denied.example.org"))


def _corpus() -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / "callback_urls.tsv").read_text().splitlines()[1:]
    entries = [line.partition("\t") for line in lines]
    return [
        (code, ast.literal_eval(f'"{text}"').replace("LONG", "a" * MOST_CHARACTERS))
        for code, _, text in entries
    ]


CORPUS = _corpus()


def call(url: str, resolver: Resolver, policy: Policy = POLICY) -> tuple[str | None, list[tuple[str, int]]]:
    """Do as the sender does; the code of the refusal, and what was connected to."""
    network = Network()
    try:
        admitted = Guard(policy, resolver).admit(url)
    except CallbackRefused as error:
        return error.code, network.connected
    answer = Caller(ManualClock(), connect=network).post(admitted, b"{}", {})
    assert answer == NoAnswer(Trouble.UNREACHABLE)
    return None, network.connected


def test_the_corpus_has_every_rule_many_times():
    counted = Counter(code for code, _ in CORPUS)
    rules = {error.code for error in CallbackRefused.__subclasses__()}

    assert len(CORPUS) >= 80
    assert len(set(CORPUS)) == len(CORPUS)
    # These two are about our own APIs, see test_callbacks.
    assert counted.keys() == rules - {"callback_api_refused", "callback_loop"}


@pytest.mark.parametrize(("code", "url"), CORPUS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(CORPUS)])
def test_a_bad_url_is_refused_by_its_rule_and_nothing_is_connected_to(code, url):
    assert call(url, Resolver()) == (code, [])


@pytest.mark.parametrize(("code", "url"), CORPUS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(CORPUS)])
def test_a_submission_with_it_is_refused_at_once_and_leaves_nothing_behind(code, url):
    door = FrontDoor(policy=POLICY, resolve=Resolver())

    answer = door.call("POST", "/async/words", body=b"x", headers={"X-Callback-Url": url})

    assert (answer.status, answer.json["code"]) == (400, code)
    assert door.records.rows == {}
    assert door.objects.bodies == {}


@pytest.mark.parametrize(("code", "url"), CORPUS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(CORPUS)])
@pytest.mark.parametrize("call_id", [None, "mine"], ids=["event", "function"])
def test_a_delivery_to_it_fails_and_nothing_is_connected_to_whatever_it_brings(call_id, code, url):
    network = Network()
    caller = Caller(ManualClock(), connect=network)
    station = Station(policy=POLICY, caller=caller, resolve=Resolver())
    station.objects.bodies["results/r"] = b"bytes"
    station.end(callback=url, call=Call(call_id=call_id))
    station.run()

    assert network.connected == []
    told = {station.only.reason} | {attempt.error for attempt in station.only.attempts}
    assert (station.only.state, told - {None}) == (State.FAILED, {code})


def test_a_good_url_is_connected_to_at_its_own_addresses_in_turn():
    assert call("https://hooks.example.com/a?b=c", Resolver()) == (None, [(PUBLIC, 443)])
    assert call("https://both.example.com/", Resolver()) == (None, [(PUBLIC, 443), (PUBLIC_V6, 443)])
    assert call(f"https://[{PUBLIC_V6}]/", Resolver()) == (None, [(PUBLIC_V6, 443)])
    assert call(f"https://{PUBLIC}/", Resolver()) == (None, [(PUBLIC, 443)])


def test_a_name_that_moves_between_check_and_connect_is_connected_to_where_it_was_checked():
    resolver = Resolver(rebinding=[[PUBLIC], ["169.254.169.254"]])

    assert call("https://rebinding.example.com/", resolver) == (None, [(PUBLIC, 443)])
    assert resolver.asked == ["rebinding.example.com"], "asked once for a call"
    # The next call asks again, and meets the other answer.
    assert call("https://rebinding.example.com/", resolver) == ("callback_address_refused", [])


def test_a_name_that_was_fine_at_submit_and_is_not_at_send_is_not_called():
    resolver = Resolver(turncoat=[[PUBLIC], ["10.0.0.1"]])
    door = FrontDoor(policy=POLICY, resolve=resolver)
    url = "https://turncoat.example.com/"

    assert door.call("POST", "/async/words", body=b"x", headers={"X-Callback-Url": url}).status == 202
    assert call(url, resolver) == ("callback_address_refused", [])


def test_plain_http_and_other_ports_are_called_where_the_configuration_says_so():
    policy = Policy(http=True, ports=(80, 443, 8443))

    assert call("http://hooks.example.com/", Resolver(), policy) == (None, [(PUBLIC, 80)])
    assert call("https://hooks.example.com:8443/", Resolver(), policy) == (None, [(PUBLIC, 8443)])
    assert call("http://private.example.com/", Resolver(), policy)[0] == "callback_address_refused"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://hooks.example.com/", None),
        ("https://HOOKS.example.com/", None),
        ("https://private.example.com/", "callback_address_refused"),  # the list does not open the network
        ("https://both.example.com/", "callback_host_refused"),
        ("https://evil-hooks.example.com/", "callback_host_refused"),
        ("https://a.example.org/", "callback_unresolvable"),
        ("https://example.org/", "callback_host_refused"),  # *. means below it
    ],
)
def test_with_an_allow_list_only_its_hosts_are_called(url, code):
    policy = Policy(allow=("hooks.example.com", "private.example.com", "*.example.org"))

    assert call(url, Resolver(), policy)[0] == code


def test_this_machine_is_called_in_the_local_stage_only():
    local = Policy(loopback=True)

    for url in ("http://127.0.0.1:8999/x", "http://[::1]:8999/x"):
        assert call(url, Resolver())[0] == "callback_scheme_refused"
        code, [(_, port)] = call(url, Resolver(), local)
        assert (code, port) == (None, 8999)
    assert call("http://loopback.example.com:1/", Resolver(), local) == (None, [("127.0.0.1", 1)])
    # Nothing else of the local network.
    assert call("https://10.0.0.1/", Resolver(), local)[0] == "callback_address_refused"
    assert call("https://[::ffff:127.0.0.1]/", Resolver(), local)[0] == "callback_address_refused"
    assert call("http://two.example.com/", Resolver(), local)[0] == "callback_scheme_refused"


@given(st.ip_addresses())
def test_no_address_is_public_that_python_takes_for_something_else(address):
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_loopback:
        assert not is_public(str(address))


@given(st.ip_addresses(v=4))
def test_no_v6_form_of_a_v4_address_is_public(address):
    packed = int(address)
    forms = [
        ip_address(packed),
        ip_address(0xFFFF << 32 | packed) if packed else ip_address("::"),
        ip_address(int(ip_address("64:ff9b::")) | packed),
        ip_address(int(ip_address("2002::")) | packed << 80),
    ]
    for form in forms[1:]:
        assert not is_public(str(form))
        assert not is_loopback(str(form)) or str(form) == "::1"


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        destination = parse(text)
    except CallbackRefused:
        return
    assert destination.path.startswith("/")


def test_a_url_is_taken_apart_as_it_will_be_sent():
    destination = parse("HTTPS://Hooks.Example.com/a/%2e%2e/b?c=d&e")

    assert (destination.scheme, destination.host, destination.port) == ("https", "hooks.example.com", 443)
    assert destination.path == "/a/%2e%2e/b?c=d&e"
    assert destination.host_header == "hooks.example.com"
    assert parse("https://h.example.com:8443").host_header == "h.example.com:8443"
    assert parse("https://[2606::1]/").host_header == "[2606::1]"
    assert parse("https://h.example.com").path == "/"


def test_a_look_up_that_hangs_is_over_in_time():
    answered = threading.Event()
    resolve = SystemResolver(patience_seconds=0.05, look_up=lambda *_, **__: (answered.wait(60), [])[1])

    with pytest.raises(NotResolved, match=r"no answer within 0\.05 s"):
        resolve("slow.example.com")
    answered.set()


def test_a_look_up_gives_all_addresses_and_says_what_has_none():
    def look_up(host, _port, *, type):  # noqa: A002 - getaddrinfo's name
        if host != "hooks.example.com":
            raise OSError
        return [(2, 1, 6, "", (PUBLIC, 0)), (10, 1, 6, "", (PUBLIC_V6, 0, 0, 0))]

    resolve = SystemResolver(look_up=look_up)

    assert list(resolve("hooks.example.com")) == [PUBLIC, PUBLIC_V6]
    with pytest.raises(NotResolved):
        resolve("missing.example.com")


def test_each_rule_has_a_code_of_its_own():
    codes = [error.code for error in CallbackRefused.__subclasses__()]

    assert len(codes) == len(set(codes)) == 11
    assert hook_errors.CallbackRefused.code not in codes
