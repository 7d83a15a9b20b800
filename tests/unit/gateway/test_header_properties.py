"""Whatever headers a submission has: nothing secret is kept, and nothing goes wrong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.headers import REQUEST_HEADERS
from tests import hostile_headers
from tests.unit.gateway.front_door import FrontDoor

#: What could reach the function whatever HTTP says: API Gateway, or whoever calls it by hand.
anything = st.lists(
    st.tuples(
        st.text(max_size=20), st.builds(lambda text: hostile_headers.SECRET + text, st.text(max_size=20))
    )
)


@given(sent=hostile_headers.headers | anything)
def test_only_allowed_headers_are_kept_of_a_submission(sent: list[tuple[str, str]]):
    door = FrontDoor()
    answer = door.call("POST", "/async/words", body=b"x", headers=dict(sent))
    assert answer.status in {202, 400, 404, 403, 422}, answer.body
    assert answer.headers["content-type"].startswith("application/")
    for record in door.records.rows.values():
        kept = record.call.headers
        assert kept.keys() <= REQUEST_HEADERS | {"x-tenant"}
        assert all(value.isascii() and value.isprintable() for value in kept.values())
        told = repr(record).replace(repr(kept), "").replace(repr(record.call.content_type), "")
        assert hostile_headers.SECRET not in told


@given(name=st.sampled_from(["Authorization", "Cookie", "X-Api-Key", "Proxy-Authorization", "X-Other"]))
def test_the_check_above_would_see_a_header_that_is_kept(name: str):
    door = FrontDoor()
    door.call("POST", "/async/words", body=b"x", headers={name: "secret", "X-Tenant": "kept"})
    assert dict(door.only_record.call.headers) == {"x-tenant": "kept"}
