"""What a caller sends to have a job made, read and checked.

The names are Cortex's. Unlike Cortex, which passes over what it does not know, a misspelt name is an
error: a job that runs all night without its timeout is a worse surprise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.batch import raw_json, sources
from penstock.batch.errors import DeadLetterQueueNotAllowed, InputBucketNotAllowed, InvalidSubmission
from penstock.batch.fields import Field, Section
from penstock.batch.globs import Glob, MalformedPattern
from penstock.batch.lines import MOST_ITEM_BYTES
from penstock.batch.raw_json import NotJson
from penstock.batch.spec import DeadLetterQueue, JobSpec, OnBadItem, Source, SourceKind
from penstock.errors import InvalidBody
from penstock.limits import QUEUE_DEADLINE_SECONDS

if TYPE_CHECKING:
    from penstock.catalogue import ApiEntry

MOST_WORKERS = 10_000
#: A day less than SQS keeps a message: a batch that waited longer would be lost.
MOST_TIMEOUT_SECONDS = QUEUE_DEADLINE_SECONDS
MOST_BATCH_SIZE = 100_000
MOST_CONFIG_BYTES = 64 * 1024
#: Every part that reads the job after the gateway must be able to, however deep its own calls are.
MOST_CONFIG_NESTING = 100
MOST_PATHS = 1_000
MOST_PATTERNS = 100
#: Of all patterns together: each takes its time with each name.
MOST_PATTERN_CHARACTERS = 5_000
#: SQS gives a message out a hundred times, and twenty of them may be interruptions (R7).
MOST_ATTEMPTS = 80

_KINDS = (SourceKind.ITEM_LIST, SourceKind.FILE_PATH_LISTER, SourceKind.DELIMITED_FILES)
_QUEUES = ("dead_letter_queue", "sqs_dead_letter_queue")
_TOP = ("workers", "timeout", "config", *_QUEUES, *_KINDS, "results")
_FILES = ("s3_paths", "includes", "excludes", "batch_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submission that was checked, and the items of a list as they were written, a line each."""

    spec: JobSpec
    items: tuple[str, ...] = ()


def read(body: bytes, api: ApiEntry) -> Submission:
    """From the body of a call.

    ``InvalidBody`` if it is no JSON, ``InvalidSubmission`` for any field, ``InputBucketNotAllowed`` and
    ``DeadLetterQueueNotAllowed`` for what the API's configuration does not list.
    """
    try:
        return _read(Field("", _json(body)).section(_TOP), api)
    except RecursionError as error:
        # Text that was just shallow enough to be read as a whole may be too deep for its parts.
        raise InvalidBody("A submission is a JSON object; this one is nested too deeply.") from error


def _read(top: Section, api: ApiEntry) -> Submission:
    timeout, config, results = top.get("timeout"), top.get("config"), top.get("results")
    source, items = _source(top, api)
    return Submission(
        spec=JobSpec(
            workers=top.need("workers").whole(most=MOST_WORKERS),
            timeout_seconds=timeout.whole(most=MOST_TIMEOUT_SECONDS) if timeout else None,
            config=_config(config) if config else {},
            dead_letter_queue=_queue(top, api),
            results=results.flag() if results else False,
            source=source,
        ),
        items=items,
    )


def _json(body: bytes) -> str:
    try:
        return raw_json.checked(body).strip()
    except NotJson as error:
        raise InvalidBody(f"A submission is a JSON object; this is no JSON: {error}.") from error


def _config(field: Field) -> dict[str, object]:
    size_bytes = len(raw_json.one_line(field.raw).encode())
    if size_bytes > MOST_CONFIG_BYTES:
        raise InvalidSubmission(f"config has {size_bytes} bytes; at most {MOST_CONFIG_BYTES} are taken.")
    if raw_json.nesting(field.raw) > MOST_CONFIG_NESTING:
        raise InvalidSubmission(f"config is nested deeper than {MOST_CONFIG_NESTING} levels.")
    return dict(field.object())


def _queue(top: Section, api: ApiEntry) -> DeadLetterQueue | None:
    given = top.given(_QUEUES)
    if not given:
        return None
    if len(given) > 1:
        raise InvalidSubmission(f"{' and '.join(_QUEUES)} are two names for one thing: give one of them.")
    queue = given[0].section(("arn", "max_receive_count"))
    arn, attempts = queue.need("arn").text(), queue.need("max_receive_count").whole(most=MOST_ATTEMPTS)
    if arn not in api.dead_letter_queues:
        raise DeadLetterQueueNotAllowed(
            f"{given[0].place}.arn is not a queue that jobs of API {api.name} may name. List it under"
            " dead_letter_queues in the configuration of the API, and deploy."
        )
    return DeadLetterQueue(arn=arn, max_receive_count=attempts)


def _source(top: Section, api: ApiEntry) -> tuple[Source, tuple[str, ...]]:
    given = top.given(_KINDS)
    if len(given) != 1:
        found = "none is given" if not given else f"{' and '.join(field.place for field in given)} are given"
        raise InvalidSubmission(
            f"Exactly one of {', '.join(_KINDS)} says where the items come from; {found}."
        )
    field = given[0]
    if field.place == SourceKind.ITEM_LIST:
        return _item_list(field)
    return _files(field, SourceKind(field.place), api), ()


def _item_list(field: Field) -> tuple[Source, tuple[str, ...]]:
    section = field.section(("items", "batch_size"))
    batch_size = section.need("batch_size").whole(most=MOST_BATCH_SIZE)
    items = tuple(_item(item) for item in section.need("items").elements())
    return Source(kind=SourceKind.ITEM_LIST, batch_size=batch_size, items=len(items)), items


def _item(field: Field) -> str:
    text = raw_json.one_line(field.raw)
    size_bytes = len(text.encode())
    if size_bytes > MOST_ITEM_BYTES:
        raise InvalidSubmission(
            f"{field.place} has {size_bytes} bytes; an item has at most {MOST_ITEM_BYTES}."
            " Put larger ones into S3 and send their names."
        )
    return text


def _files(field: Field, kind: SourceKind, api: ApiEntry) -> Source:
    delimited = kind is SourceKind.DELIMITED_FILES
    section = field.section((*_FILES, *(("on_bad_item",) if delimited else ())))
    on_bad_item = section.get("on_bad_item") if delimited else None
    includes, excludes = _patterns(section.get("includes")), _patterns(section.get("excludes"))
    characters = sum(map(len, includes + excludes))
    if characters > MOST_PATTERN_CHARACTERS:
        raise InvalidSubmission(
            f"{field.place}.includes and excludes have {characters} characters together; at most"
            f" {MOST_PATTERN_CHARACTERS} are taken."
        )
    return Source(
        kind=kind,
        batch_size=section.need("batch_size").whole(most=MOST_BATCH_SIZE),
        s3_paths=tuple(_path(path, api) for path in section.need("s3_paths").elements(most=MOST_PATHS)),
        includes=includes,
        excludes=excludes,
        on_bad_item=OnBadItem(on_bad_item.choice(list(OnBadItem))) if on_bad_item else OnBadItem.FAIL,
    )


def _path(field: Field, api: ApiEntry) -> str:
    text = field.text()
    path = sources.parse_path(text)
    if path is None:
        raise field.wrong("must be s3://bucket, with an object's key or a prefix of keys behind it if wanted")
    if path.bucket not in api.input_buckets:
        raise InputBucketNotAllowed(
            f"{field.place}: API {api.name} takes no items from bucket {path.bucket}. List it under"
            " input_buckets in the configuration of the API, and deploy."
        )
    return text


def _patterns(field: Field | None) -> tuple[str, ...]:
    # No pattern at all is what many programs send for none.
    if field is None or _is_empty_list(field):
        return ()
    return tuple(map(_pattern, field.elements(most=MOST_PATTERNS)))


def _is_empty_list(field: Field) -> bool:
    return field.raw.startswith("[") and not raw_json.elements(field.raw)


def _pattern(field: Field) -> str:
    text = field.text()
    try:
        Glob(text)
    except MalformedPattern as error:
        raise InvalidSubmission(f"{field.place} is no pattern: {error}.") from error
    return text
