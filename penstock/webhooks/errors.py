"""What a caller can be told about callbacks, besides the rest of the tree in ``penstock.errors``.

PenstockError
├── InvalidRequest
│   └── CallbackRefused        400  an address that must not be called; each rule has a class
│       ├── CallbackUrlInvalid
│       ├── CallbackUrlTooLong
│       ├── CallbackSchemeRefused
│       ├── CallbackUserinfoRefused
│       ├── CallbackHostInvalid
│       ├── CallbackHostRefused
│       ├── CallbackPortRefused
│       ├── CallbackUnresolvable
│       ├── CallbackAddressRefused
│       ├── CallbackApiRefused
│       └── CallbackLoop
├── NotFound                   404
│   ├── UnknownDelivery
│   └── NoWebhook
└── Conflict                   409
    └── DeliveryPending
"""

from __future__ import annotations

from penstock.errors import Conflict, InvalidRequest, NotFound


class CallbackRefused(InvalidRequest):
    """The address must not be called; checked when a request is submitted, and again at each call."""

    code = "callback_refused"
    title = "The callback URL is refused"


class CallbackUrlInvalid(CallbackRefused):
    """It is no absolute URL of visible ASCII, or has a fragment."""

    code = "callback_url_invalid"
    title = "The callback URL is malformed"


class CallbackUrlTooLong(CallbackRefused):
    """It has more characters than are stored."""

    code = "callback_url_too_long"
    title = "The callback URL is too long"


class CallbackSchemeRefused(CallbackRefused):
    """It does not begin with https://; http:// is for deployments that allow it."""

    code = "callback_scheme_refused"
    title = "The callback URL has a scheme that is not allowed"


class CallbackUserinfoRefused(CallbackRefused):
    """It holds a user name or a password, which would be stored and shown."""

    code = "callback_userinfo_refused"
    title = "The callback URL holds credentials"


class CallbackHostInvalid(CallbackRefused):
    """The host is no full DNS name and no plain IP address: another notation hides where it leads."""

    code = "callback_host_invalid"
    title = "The callback URL's host is not usable"


class CallbackHostRefused(CallbackRefused):
    """The deployment's allow list lacks the host, or its deny list has it."""

    code = "callback_host_refused"
    title = "The callback URL's host is not allowed"


class CallbackPortRefused(CallbackRefused):
    """The port is not among the deployment's."""

    code = "callback_port_refused"
    title = "The callback URL's port is not allowed"


class CallbackUnresolvable(CallbackRefused):
    """The host's name has no address, or none was found in time."""

    code = "callback_unresolvable"
    title = "The callback URL's host was not found"


class CallbackAddressRefused(CallbackRefused):
    """An address of the host is not on the public internet. One of several is enough."""

    code = "callback_address_refused"
    title = "The callback URL leads to an address that is not public"


class CallbackApiRefused(CallbackRefused):
    """It names an API of this deployment that the request's API may not call; see ``webhook.chain``."""

    code = "callback_api_refused"
    title = "The callback may not call this API"


class CallbackLoop(CallbackRefused):
    """APIs of this deployment have called each other too often: it looks like a loop (N7)."""

    code = "callback_loop"
    title = "Callbacks among APIs go round"


class UnknownDelivery(NotFound):
    """No delivery with that id exists for this API, or it was too long ago."""

    code = "unknown_delivery"
    title = "No such delivery"


class NoWebhook(NotFound):
    """The API has no webhook in its configuration."""

    code = "no_webhook"
    title = "The API has no webhook"


class DeliveryPending(Conflict):
    """The delivery has attempts left, or runs: there is nothing to replay yet."""

    code = "delivery_pending"
    title = "The delivery has not ended"
