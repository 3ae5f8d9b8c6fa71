"""
A world or a gateway over NATS: ``python -m tests.bench.bus.by_nats HOW NAME ADDRESS``.

How is ``bytes``, for ready-made payloads that nobody looks into, or ``messages``, for what a bus
over NATS would do: write each message, and read it. A durable message is a request that its
receiver answers with nothing, since only then the sender knows, as on the bus, that it is there.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from struct import Struct
from typing import Final, Protocol

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from mudserver.bus.codec import Codec
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.interfaces.authority import NameState
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import OccupantsWanted, Show
from tests.bench.bus.flow import Done, World, read_order, role, written
from tests.bench.bus.messages import QUESTION, Load, credit, show
from tests.bench.bus.party import subject

_STAMP: Final = Struct(">Q")
_CREDIT: Final = Struct(">BQ")


class Form(Protocol):
    """What payloads are made by, and read."""

    def show(self, load: Load, stamp: int) -> bytes: ...

    def stamp(self, payload: bytes) -> int: ...

    def durable(self, load: Load) -> bytes: ...

    def take_durable(self, payload: bytes) -> None: ...

    def credit(self, gateway: int, received: int) -> bytes: ...

    def credited(self, payload: bytes) -> tuple[int, int]: ...

    def question(self) -> bytes: ...

    def answer(self, payload: bytes) -> bytes: ...

    def take_answer(self, payload: bytes) -> None: ...


class Messages:
    """Payloads as on the bus."""

    def __init__(self) -> None:
        self._codec = Codec(VOCABULARY)

    def show(self, load: Load, stamp: int) -> bytes:
        return self._codec.encode(show(load, stamp))

    def stamp(self, payload: bytes) -> int:
        message = self._codec.decode_message(payload)
        assert isinstance(message, FromWorld)
        assert isinstance(message.message, Show)
        assert message.message.event is not None
        return message.message.event.number

    def durable(self, load: Load) -> bytes:
        return self._codec.encode(show(load, 0, durable=True))

    def take_durable(self, payload: bytes) -> None:
        self._codec.decode_message(payload)

    def credit(self, gateway: int, received: int) -> bytes:
        return self._codec.encode(credit(gateway, received))

    def credited(self, payload: bytes) -> tuple[int, int]:
        message = self._codec.decode_message(payload)
        assert isinstance(message, OccupantsWanted)
        return message.generation, message.after

    def question(self) -> bytes:
        return self._codec.encode(QUESTION)

    def answer(self, payload: bytes) -> bytes:
        self._codec.decode_request(payload)
        return self._codec.encode_reply(QUESTION, NameState.KNOWN)

    def take_answer(self, payload: bytes) -> None:
        self._codec.decode_reply(QUESTION, payload)


class Bytes:
    """As many bytes, ready-made but for a number in front."""

    def __init__(self) -> None:
        made = Messages()
        self._shows = {load: made.show(load, 0)[_STAMP.size :] for load in Load}
        self._durables = {load: made.durable(load) for load in Load}
        self._question = made.question()
        self._answer = made.answer(self._question)

    def show(self, load: Load, stamp: int) -> bytes:
        return _STAMP.pack(stamp) + self._shows[load]

    def stamp(self, payload: bytes) -> int:
        return int(_STAMP.unpack_from(payload)[0])

    def durable(self, load: Load) -> bytes:
        return self._durables[load]

    def take_durable(self, payload: bytes) -> None:
        pass

    def credit(self, gateway: int, received: int) -> bytes:
        return _CREDIT.pack(gateway, received)

    def credited(self, payload: bytes) -> tuple[int, int]:
        gateway, received = _CREDIT.unpack(payload)
        return gateway, received

    def question(self) -> bytes:
        return self._question

    def answer(self, payload: bytes) -> bytes:
        return self._answer

    def take_answer(self, payload: bytes) -> None:
        pass


@cache
def durable_subject(to: str) -> str:
    """Return where durable messages for a subject go."""
    return f"durable.{to}"


@cache
def question_subject(to: str) -> str:
    """Return where questions for a subject go."""
    return f"question.{to}"


class ByNats:
    """
    A `tests.bench.bus.party.Party` that has a connection with NATS.

    Args:
        client: It.
        form: How to write.
    """

    def __init__(self, client: Client, form: Form) -> None:
        self._client = client
        self._form = form
        self._waiting: asyncio.Future[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def receive_credits(self, credited: Callable[[int, int], None]) -> None:
        async def receive(message: Msg) -> None:
            credited(*self._form.credited(message.data))

        await self._client.subscribe(WORLD, cb=receive)

    async def receive(self, gateway: int, received: Callable[[int], None]) -> None:
        form = self._form

        async def receive(message: Msg) -> None:
            received(form.stamp(message.data))

        async def confirm(message: Msg) -> None:
            form.take_durable(message.data)
            await message.respond(b"")

        async def respond(message: Msg) -> None:
            await message.respond(form.answer(message.data))

        await self._client.subscribe(subject(gateway), cb=receive)
        await self._client.subscribe(durable_subject(subject(gateway)), cb=confirm)
        await self._client.subscribe(question_subject(subject(gateway)), cb=respond)
        await self._client.flush()

    def credit(self, gateway: int, received: int) -> None:
        telling = asyncio.ensure_future(
            self._client.publish(WORLD, self._form.credit(gateway, received))
        )
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def send(self, subjects: Sequence[str], load: Load, amount: int) -> None:
        for _ in range(amount):
            stamp = time.monotonic_ns()
            for each in subjects:
                await self._client.publish(each, self._form.show(load, stamp))

    async def confirm(self, to: str, load: Load, amount: int) -> None:
        to = durable_subject(to)
        if amount == 1:
            await self._client.request(to, self._form.durable(load), 10.0)
        else:
            await asyncio.gather(
                *(self._client.request(to, self._form.durable(load), 10.0) for _ in range(amount))
            )

    async def ask(self, to: str, amount: int) -> None:
        to = question_subject(to)
        if amount == 1:
            await self._ask(to)
        else:
            await asyncio.gather(*(self._ask(to) for _ in range(amount)))

    async def _ask(self, to: str) -> None:
        answer = await self._client.request(to, self._form.question(), 10.0)
        self._form.take_answer(answer.data)

    def turn(self) -> Awaitable[None]:
        return asyncio.sleep(0)

    def pause(self, seconds: float) -> Awaitable[None]:
        return asyncio.sleep(seconds)

    def woken(self) -> Awaitable[None]:
        self._waiting = asyncio.get_running_loop().create_future()
        return self._waiting

    def wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(None)


async def _serve(how: str, name: str, address: str) -> None:
    client = await nats.connect(f"nats://{address}", connect_timeout=10)
    who = role(ByNats(client, Bytes() if how == "bytes" else Messages()), name)
    await who.open()
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    print("ready", flush=True)
    while line := await orders.readline():
        order = read_order(line)
        if isinstance(who, World):
            done = await who.obey(order)
        else:
            done = who.latencies() if order.verb == "latencies" else Done()
        print(written(done), flush=True)
    await client.close()


def main() -> None:
    """Take part until orders end."""
    how, name, address = sys.argv[1:]
    asyncio.run(_serve(how, name, address))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
