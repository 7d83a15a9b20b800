"""Names a user chooses, and which of them are refused."""

from __future__ import annotations

import re

DNS_LABEL_PATTERN = "[a-z]([-a-z0-9]*[a-z0-9])?"
PATH_SEGMENT_PATTERN = "/?[A-Za-z0-9._~-]+"
HOST_PATTERN = r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
BUCKET_NAME_PATTERN = "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
FIFO_QUEUE_ARN_PATTERN = r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,75}\.fifo"

#: Names of resources and first path segments that Penstock itself uses.
RESERVED = frozenset(
    {
        "async",
        "async-function",
        "batch",
        "data",
        "docs",
        "function",
        "gateway",
        "healthz",
        "network",
        "openapi",
        "uploads",
        "webhooks",
    }
)

#: Names of the containers that run beside the user's in a task.
RESERVED_CONTAINERS = frozenset({"dequeuer", "prefetch", "proxy", "spec"})

#: What the runtime and the container agent set themselves.
RESERVED_ENVIRONMENT_PREFIXES = ("PENSTOCK_", "CORTEX_", "AWS_")

#: What Penstock tells the container about the request; a client must not be able to say it.
RESERVED_HEADER_PREFIXES = ("x-penstock-", "x-cortex-")

#: Never stored with a request: credentials and cookies, and what belongs to one connection or message
#: (RFC 9110, sections 7.6.1, 7.2, 8.6 and 10.1.1).
REFUSED_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-amz-security-token",
        "x-api-key",
    }
)

_DNS_LABEL = re.compile(DNS_LABEL_PATTERN)
_PATH_SEGMENT = re.compile(PATH_SEGMENT_PATTERN)
_BUCKET_NAME = re.compile(BUCKET_NAME_PATTERN)
_FIFO_QUEUE_ARN = re.compile(FIFO_QUEUE_ARN_PATTERN)
_ENVIRONMENT_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_ARN = re.compile(
    r"arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/)\S+"
)
_WHOLE_SECRET_ARN = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+"
)
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_./-]{1,1011}")

LONGEST_DEPLOYMENT_CHARACTERS = 16
LONGEST_API_CHARACTERS = 42
LONGEST_CONTAINER_CHARACTERS = 63


def _dns_label(value: str, *, longest: int) -> str:
    if len(value) > longest:
        raise ValueError(f"must have at most {longest} characters, not {len(value)}")
    if not _DNS_LABEL.fullmatch(value):
        raise ValueError(
            "must start with a lower-case letter, hold only lower-case letters, digits and dashes, "
            "and not end with a dash"
        )
    return value


def deployment_name(value: str) -> str:
    """Accept what fits into the names of AWS resources beside an API's name; else ValueError."""
    _dns_label(value, longest=LONGEST_DEPLOYMENT_CHARACTERS)
    # Two stacks of one name would overwrite each other without a word: the data of "shop-api", and the
    # API "data" of "shop".
    if "-api-" in f"{value}-":
        raise ValueError('must not have "-api" in it: an API of another deployment may have such a stack')
    return value


def api_name(value: str) -> str:
    """Accept a DNS-1035 label that neither Penstock nor Cortex keeps for itself; else ValueError."""
    _dns_label(value, longest=LONGEST_API_CHARACTERS)
    if value.startswith("b-"):
        raise ValueError('must not start with "b-"')
    _not_reserved(value)
    return value


def container_name(value: str) -> str:
    """Accept a DNS-1035 label that is no sidecar's name; else ValueError."""
    _dns_label(value, longest=LONGEST_CONTAINER_CHARACTERS)
    if value in RESERVED_CONTAINERS:
        raise ValueError(f'must not be "{value}": Penstock runs a container of this name beside it')
    return value


def path_segment(value: str) -> str:
    """Accept one segment that a URL can hold unescaped, with or without Cortex's leading slash.

    Returns it without the slash. Raises ValueError.
    """
    segment = value.removeprefix("/")
    if not _PATH_SEGMENT.fullmatch(value) or segment in {".", ".."}:
        raise ValueError('must be one path segment of letters, digits and "-", ".", "_", "~"')
    _not_reserved(segment)
    return segment


def absolute_path(value: str) -> str:
    """Accept the path of a request to a container; else ValueError."""
    if not value.startswith("/"):
        raise ValueError('must start with "/"')
    return value


def bucket_name(value: str) -> str:
    """Accept the bare name of an S3 bucket; else ValueError."""
    if not _BUCKET_NAME.fullmatch(value):
        raise ValueError(
            'must be the name of an S3 bucket, 3 to 63 lower-case letters, digits, "." and "-": '
            "no s3://, no ARN, no path"
        )
    return value


def fifo_queue_arn(value: str) -> str:
    """Accept the ARN of an SQS FIFO queue; else ValueError."""
    if not _FIFO_QUEUE_ARN.fullmatch(value):
        raise ValueError(
            "must be the ARN of an SQS FIFO queue, such as arn:aws:sqs:eu-west-1:123456789012:failed.fifo"
        )
    return value


def is_host_pattern(value: str) -> bool:
    """Whether the text is a host in lower case, or all hosts below one."""
    return re.fullmatch(HOST_PATTERN, value) is not None and ".." not in value


def environment_name(value: str) -> str:
    """Accept the name of an environment variable that Penstock does not set itself; else ValueError."""
    if not _ENVIRONMENT_NAME.fullmatch(value):
        raise ValueError("must hold only letters, digits and underscores, and not start with a digit")
    for prefix in RESERVED_ENVIRONMENT_PREFIXES:
        if value.startswith(prefix):
            raise ValueError(f"must not start with {prefix}: such variables are set by the runtime")
    return value


def header_name(value: str) -> str:
    """Accept a request header that may be stored and passed on, in lower case; else ValueError."""
    name = value.lower()
    if not _HEADER_NAME.fullmatch(value):
        raise ValueError("must be the name of an HTTP header")
    if name in REFUSED_HEADERS:
        raise ValueError(
            f'"{name}" is never stored or passed on: it is a credential or belongs to one connection'
        )
    if name.startswith(RESERVED_HEADER_PREFIXES):
        raise ValueError(f'"{name}" is set by Penstock')
    return name


def secret_reference(value: str) -> str:
    """Accept what ECS takes as ``valueFrom``; else ValueError.

    That is the ARN of a Secrets Manager secret or of an SSM parameter, or the name of an SSM
    parameter in the region of the task.
    """
    if not (_SECRET_ARN.fullmatch(value) or _PARAMETER_NAME.fullmatch(value)):
        raise ValueError(
            "must be the ARN of a Secrets Manager secret or an SSM parameter, or the name of an SSM parameter"
        )
    return value


def secret_arn(value: str) -> str:
    """Accept the ARN of a whole Secrets Manager secret; else ValueError."""
    if not _WHOLE_SECRET_ARN.fullmatch(value):
        raise ValueError(
            "must be the ARN of a Secrets Manager secret, without a key behind it, such as "
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:registry-AbCdEf"
        )
    return value


def image_reference(value: str) -> str:
    """Accept text that can name a container image; a registry alone knows if it exists. Else ValueError."""
    if not value or "://" in value or any(character.isspace() for character in value):
        raise ValueError('must name an image such as "python:3.12-slim", without a scheme or spaces')
    return value


def _not_reserved(value: str) -> None:
    if value in RESERVED:
        raise ValueError(f'must not be "{value}": Penstock uses it itself')
