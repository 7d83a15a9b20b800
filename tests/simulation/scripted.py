"""The ports of functions: synchronous, and found again when the code is run again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.ports import ObjectMissing
from tests.simulation.ports import id_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.messages import Message
    from penstock.overview import DuePlace
    from penstock.ports import Applied, Refused
    from penstock.records import PayloadRef, RequestKey, RequestRecord
    from penstock.testing import MemoryCopies, MemoryDirectory, MemoryObjects, MemoryOutbox, MemoryRecords
    from penstock.transitions import Transition
    from tests.simulation.network import Network
    from tests.simulation.replay import Script


class _Scripted:
    """A synchronous port; what it calls is found again when the code is run again."""

    def __init__(self, network: Network, script: Script) -> None:
        self._network = network
        self._script = script

    def _call(self, name: str, service: str, subject: str, perform: Callable[[], Any]) -> Any:
        point = self._network.point(name)
        return self._script.call(lambda: self._network.call(point, service, subject, perform))


class Records(_Scripted):
    """The ``Records`` port."""

    def __init__(self, network: Network, script: Script, records: MemoryRecords) -> None:
        super().__init__(network, script)
        self._records = records

    def create(self, record: RequestRecord) -> Applied | Refused:
        """See ``Records.create``."""
        return self._at(record.key, "create", partial(self._records.create, record))

    def get(self, key: RequestKey) -> RequestRecord | None:
        """See ``Records.get``."""
        return self._at(key, "get", partial(self._records.get, key))

    def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        """See ``Records.apply``."""
        return self._at(key, f"apply:{transition.move}", partial(self._records.apply, key, transition))

    def withdraw(self, record: RequestRecord) -> bool:
        """See ``Records.withdraw``."""
        return self._at(record.key, "withdraw", partial(self._records.withdraw, record))

    def purge(self, record: RequestRecord) -> bool:
        """See ``Records.purge``."""
        return bool(self._at(record.key, "purge", partial(self._records.purge, record)))

    def _at(self, key: RequestKey, name: str, perform: Callable[[], Any]) -> Any:
        return self._call(f"records.{name}", "records", key.id, perform)


class Objects(_Scripted):
    """The ``Objects`` port, as far as requests need it."""

    def __init__(
        self, network: Network, script: Script, objects: MemoryObjects, records: MemoryRecords
    ) -> None:
        super().__init__(network, script)
        self._objects = objects
        self._records = records

    def put(self, key: str, body: bytes, *, content_type: str | None) -> None:
        """See ``Objects.put``."""

        def put() -> None:
            self._objects.put(key, body, content_type=content_type)
            if any(row.spent_payload_key == key for row in self._records.rows.values()):
                # It took so long that a replay put the payload there, and had it all done, meanwhile.
                # To find that out would cost every submission a call; the bucket's life cycle has it.
                self._network.touched.add(id_in(key))

        self._at(key, "put", put)

    def put_if_absent(self, key: str, body: bytes, *, content_type: str | None) -> bool:
        """See ``Objects.put_if_absent``."""
        put = partial(self._objects.put_if_absent, key, body, content_type=content_type)
        return bool(self._at(key, "put_if_absent", put))

    def delete(self, key: str) -> None:
        """See ``Objects.delete``."""
        self._at(key, "delete", partial(self._objects.delete, key))

    def read(self, key: str) -> bytes:
        """See ``Objects.read``."""
        return bytes(self._at(key, "read", partial(self._objects.read, key)))

    def presign(self, key: str, **_terms: Any) -> str:
        """See ``Objects.presign``; no call, a link is computed."""
        if key not in self._objects.bodies:
            raise ObjectMissing(key)
        return f"https://objects.invalid/{key}"

    def _at(self, key: str, name: str, perform: Callable[[], Any]) -> Any:
        return self._call(f"objects.{name}", "objects", id_in(key), perform)


class Outbox(_Scripted):
    """The ``Outbox`` port."""

    def __init__(self, network: Network, script: Script, outbox: MemoryOutbox) -> None:
        super().__init__(network, script)
        self._outbox = outbox

    def send(self, message: Message) -> None:
        """See ``Outbox.send``."""
        self._call("outbox.send", "queue", message.key.id, partial(self._outbox.send, message))


class Copies(_Scripted):
    """The ``Copies`` port."""

    def __init__(self, network: Network, script: Script, copies: MemoryCopies) -> None:
        super().__init__(network, script)
        self._copies = copies

    def copy(self, source: PayloadRef, key: str) -> None:
        """See ``Copies.copy``."""
        self._call("copies.copy", "objects", id_in(key), partial(self._copies.copy, source, key))


class Directory(_Scripted):
    """The ``Directory`` port, as far as the sweeper needs it."""

    def __init__(self, network: Network, script: Script, directory: MemoryDirectory) -> None:
        super().__init__(network, script)
        self._directory = directory

    def due(
        self, api: str, shard: int, *, before_ms: int, after: DuePlace | None, limit: int
    ) -> Sequence[DuePlace]:
        """See ``Directory.due``."""
        look = partial(self._directory.due, api, shard, before_ms=before_ms, after=after, limit=limit)
        return self._call("directory.due", "records", "", look)

    def read(
        self, keys: Sequence[RequestKey], *, on_unreadable: Callable[[RequestKey, Exception], None]
    ) -> Mapping[RequestKey, RequestRecord]:
        """See ``Directory.read``."""
        look = partial(self._directory.read, keys, on_unreadable=on_unreadable)
        return self._call("directory.read", "records", "", look)
