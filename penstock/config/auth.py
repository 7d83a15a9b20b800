"""How callers prove who they are."""

from enum import StrEnum

from pydantic import Field, ValidationInfo, field_validator

from penstock.config.section import Number, Section, WholeNumber, without_default

#: API Gateway's own limit of an account and region.
MOST_PER_SECOND = 10_000


class AuthMode(StrEnum):
    """What a call must carry."""

    #: A signature of AWS (Signature Version 4). The local stage has nobody to sign with: there it is `none`.
    IAM = "iam"
    #: An API key, made with ``penstock keys create``.
    API_KEY = "api_key"
    #: Nothing: whoever reaches the URL may call everything.
    NONE = "none"


class Auth(Section):
    """How callers prove who they are, on all routes but `GET /healthz`."""

    mode: AuthMode = AuthMode.IAM
    """`iam`: signed with AWS credentials; not checked in the local stage. `api_key`: a key made with \
`penstock keys create`. `none`: no proof, anybody may call everything."""

    rate: Number = Field(default=50.0, gt=0, le=MOST_PER_SECOND, json_schema_extra=without_default)
    """Calls per second that each API key may make, on average. Above 0, at most 10000. Only with \
`mode: api_key`; there the default is 50."""

    burst: WholeNumber = Field(default=100, ge=1, le=MOST_PER_SECOND, json_schema_extra=without_default)
    """Calls that each API key may make at once. 1 to 10000. Only with `mode: api_key`; there the default \
is 100."""

    @field_validator("rate", "burst")
    @classmethod
    def _of_keys(cls, value: float, info: ValidationInfo) -> float:
        if info.data.get("mode", AuthMode.API_KEY) is not AuthMode.API_KEY:
            raise ValueError("limits API keys, and there are none without mode: api_key")
        return value
