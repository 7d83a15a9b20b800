"""Headers as nobody should send them, each with something secret in its value."""

from __future__ import annotations

from hypothesis import strategies as st

SECRET = "hunter2-hunter2"

_TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: They have a meaning for the connection itself, which HTTP ends when they make no sense.
_OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)
#: Credentials, what Penstock reads, and what proxies and frameworks act on.
_KNOWN = (
    *("Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "X-Amz-Security-Token"),
    *("Idempotency-Key", "X-Upload-Id", "X-Payload-Url", "X-Timeout-Seconds", "X-Deadline-Seconds"),
    *("Prefer", "Range", "Accept", "Content-Type", "Content-Encoding", "Traceparent", "If-Match"),
    *("X-Forwarded-For", "X-HTTP-Method-Override", "Accept-Encoding", "Origin"),
)

names = st.sampled_from(_KNOWN).flatmap(
    lambda name: st.sampled_from([name, name.lower(), name.upper()])
) | st.text(alphabet=_TOKEN, min_size=1, max_size=30).filter(
    lambda name: name.lower() not in _OF_THE_CONNECTION
)

#: Bytes that HTTP allows in a value: no control characters but the tab, and no space around it.
_bytes = st.text(
    alphabet=st.characters(codec="latin-1", exclude_categories=["Cc"], include_characters="\t"), max_size=20
)
values = st.builds(lambda before, after: f"{before}{SECRET}{after}".strip(), _bytes, _bytes)

headers = st.lists(st.tuples(names, values), max_size=8)
