"""The rule for upgrades, on the stores: what a later version wrote is neither read nor changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from penstock import ids
from penstock.aws import items
from penstock.aws.directory import DynamoDirectory
from penstock.aws.records import DynamoRecords
from penstock.ports import Applied
from penstock.transitions import Move
from penstock.versions import VERSION, UnknownVersion
from tests.contract.conftest import BACKENDS, _client, make_table
from tests.examples import KEY, record
from tests.unit.test_transitions import EVERY

if TYPE_CHECKING:
    from penstock.records import RequestKey, RequestRecord

CLAIM = EVERY[Move.CLAIM]


class Table:
    def __init__(self, client, name: str) -> None:
        self.client, self.name = client, name
        self.records = DynamoRecords(client, name)
        make_table(client, name)

    def item(self):
        return self.client.get_item(TableName=self.name, Key=items.key_item(KEY))["Item"]

    def put(self, made: RequestRecord, *, version: int | None) -> None:
        item = items.encode(made)
        if version is None:
            del item["v"]
        else:
            item["v"] = {"N": str(version)}
        self.client.put_item(TableName=self.name, Item=item)


@pytest.fixture(params=BACKENDS[1:])
def table(request: pytest.FixtureRequest) -> Table:
    return Table(_client("dynamodb", request.getfixturevalue(f"{request.param}_url")), ids.new_request_id())


def test_what_is_written_says_its_version(table):
    table.records.create(record())

    assert table.item()["v"] == {"N": str(VERSION)}


def test_an_item_from_before_there_were_versions_is_read_and_goes_on_as_one_of_ours(table):
    table.put(record(), version=None)

    assert table.records.get(KEY) == record()
    assert isinstance(table.records.apply(KEY, CLAIM), Applied)
    assert table.item()["v"] == {"N": str(VERSION)}


def test_an_item_of_a_later_version_is_not_misread(table):
    table.put(record(), version=VERSION + 1)

    with pytest.raises(UnknownVersion, match=f"has version {VERSION + 1}"):
        table.records.get(KEY)


def test_an_item_of_a_later_version_is_left_as_it_is(table):
    table.put(record(), version=VERSION + 1)
    before = table.item()

    with pytest.raises(UnknownVersion):
        table.records.apply(KEY, CLAIM)
    with pytest.raises(UnknownVersion):
        table.records.create(record())
    assert table.item() == before


@pytest.mark.parametrize("later", [{"v": {"N": str(VERSION + 1)}}, {"status": {"S": "unheard of"}}])
def test_an_item_that_is_not_read_hides_no_other_of_its_page(table, later):
    mine = replace(record(), id=ids.new_request_id())
    table.put(mine, version=VERSION)
    table.client.put_item(TableName=table.name, Item=items.encode(record()) | later)
    directory = DynamoDirectory(table.client, table.name, executor=ThreadPoolExecutor(1))
    told: dict[RequestKey, Exception] = {}

    assert directory.read([KEY, mine.key], on_unreadable=told.__setitem__) == {mine.key: mine}
    assert told.keys() == {KEY}
    with pytest.raises(type(told[KEY])):
        directory.read([KEY, mine.key])
