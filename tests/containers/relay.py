"""Carries connections on: `python relay.py FROM TO`, each `HOST:PORT` or the path of a socket.

A task has a network of its own, without a way out. One of these on the machine and one in the task's
network lead through a socket in the file system to the emulator, which listens on loopback only.
"""

import asyncio
import sys
from contextlib import suppress


async def _listen(address, carry):
    if address.startswith("/"):
        return await asyncio.start_unix_server(carry, address)
    host, port = address.rsplit(":", 1)
    return await asyncio.start_server(carry, host, int(port))


async def _connect(address):
    if address.startswith("/"):
        return await asyncio.open_unix_connection(address)
    host, port = address.rsplit(":", 1)
    return await asyncio.open_connection(host, int(port))


async def _copy(reader, writer):
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _main(source, target):
    async def carry(reader, writer):
        with suppress(OSError):
            onward_reader, onward_writer = await _connect(target)
            try:
                await asyncio.gather(_copy(reader, onward_writer), _copy(onward_reader, writer))
            finally:
                onward_writer.close()
        writer.close()

    server = await _listen(source, carry)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
