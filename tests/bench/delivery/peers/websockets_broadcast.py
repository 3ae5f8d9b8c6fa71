"""The ``broadcast`` of the websockets library: each message that comes is sent to all."""

import asyncio

from websockets.asyncio.server import ServerConnection, broadcast, serve

from tests.bench.delivery.peers import MESSAGE


async def main() -> None:
    """Serve until the process is ended."""
    everyone: set[ServerConnection] = set()

    async def hear(connection: ServerConnection) -> None:
        everyone.add(connection)
        try:
            async for _ in connection:
                broadcast(everyone, MESSAGE)
        finally:
            everyone.discard(connection)

    async with serve(hear, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        (door, *_) = server.sockets
        print(f"port {door.getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
