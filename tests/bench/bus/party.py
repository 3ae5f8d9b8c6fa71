"""What the bus and its references have in common, as far as it is measured."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from tests.bench.bus.messages import Load

#: The subjects of the gateways.
GATEWAYS: Final = ("g1", "g2", "g3", "g4")


def subject(gateway: int) -> str:
    """Return where a gateway receives."""
    return f"gateway.{GATEWAYS[gateway]}"


class Party(Protocol):
    """
    A process that takes part, as a world or as a gateway.

    All waiting goes by what the process waits by: Deferreds, or asyncio.
    """

    async def receive_credits(self, credited: Callable[[int, int], None]) -> None:
        """Have a world told how much each gateway has received."""

    async def receive(self, gateway: int, received: Callable[[int], None]) -> None:
        """Have a gateway receive: lossy messages by their stamps, durable ones, and questions."""

    def credit(self, gateway: int, received: int) -> None:
        """Tell the world how much a gateway has received."""

    async def send(self, subjects: Sequence[str], load: Load, amount: int) -> None:
        """Publish so many lossy messages to each subject, in one turn."""

    async def confirm(self, to: str, load: Load, amount: int) -> None:
        """Publish so many durable messages, and wait until all are confirmed."""

    async def ask(self, to: str, amount: int) -> None:
        """Ask so many questions at once, and wait for all answers."""

    def turn(self) -> Awaitable[None]:
        """Let everything else have its turn."""

    def pause(self, seconds: float) -> Awaitable[None]:
        """Wait."""

    def woken(self) -> Awaitable[None]:
        """Wait until `wake` is called; for one at a time."""

    def wake(self) -> None:
        """Let who waits go on."""
