"""Request records as DynamoDB items, both ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from penstock import keys, versions
from penstock.records import Call, Failure, PayloadRef, RequestKey, RequestRecord, ResultRef, Status

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()

#: A DynamoDB item in wire form: attribute name to typed value.
Item = dict[str, Any]

#: The attribute that says which version of ``penstock.versions`` an item has.
VERSION = "v"


def attribute(value: Any) -> Any:
    """One value in wire form; dataclasses become maps, fields that are None are left out."""
    return _serializer.serialize(_plain(value))


def wire(values: Mapping[str, object]) -> Item:
    """A whole item, or a key, of plain values."""
    return {name: attribute(value) for name, value in values.items()}


def attributes(value: DataclassInstance) -> Item:
    """The fields of a dataclass that are not None, in wire form, and the version they are written in."""
    members = {name: attribute(member) for name, member in _plain(value).items()}
    return members | {VERSION: attribute(versions.VERSION)}


def texts(values: Mapping[str, str]) -> Item:
    """Text values in wire form, such as a primary key of ``penstock.keys``."""
    return {name: {"S": text} for name, text in values.items()}


def members(item: Item, of: type[DataclassInstance]) -> dict[str, Any]:
    """The values that are fields of a dataclass; attributes of others (keys, indexes) are passed over.

    ``UnknownVersion`` if the item is not for this program.
    """
    if VERSION in item:
        versions.check(int(item[VERSION]["N"]), of=f"the {of.__name__} {item['pk']['S']}")
    wanted = {field.name for field in dataclasses.fields(of)}
    return native({name: value for name, value in item.items() if name in wanted})


def key_item(key: RequestKey) -> Item:
    """Primary key of a request in wire form."""
    return texts(keys.request_item(key))


def encode(record: RequestRecord) -> Item:
    """The whole item of a record, with what the indexes need."""
    found_by = keys.index_attributes(record.key, created_ms=record.created_ms)
    return key_item(record.key) | texts(found_by) | attributes(record)


def decode(item: Item) -> RequestRecord:
    """The record of an item."""
    fields = members(item, RequestRecord)
    fields["status"] = Status(fields["status"])
    fields["call"] = Call(**fields["call"])
    fields["payload"] = PayloadRef(**fields["payload"])
    if "result" in fields:
        fields["result"] = ResultRef(**fields["result"])
    for name in ("failure", "last_failure"):
        if name in fields:
            fields[name] = Failure(**fields[name])
    return RequestRecord(**fields)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        present = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: _plain(member) for name, member in present if member is not None}
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_plain(member) for member in value]
    return value


def native(item: Item) -> dict[str, Any]:
    """The values of an item, numbers as integers."""
    return {name: _native(_deserializer.deserialize(value)) for name, value in item.items()}


def _native(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {name: _native(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_native(member) for member in value]
    return value
