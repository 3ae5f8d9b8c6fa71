"""How what operators ask is answered."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.protocols import amp

from mudserver.control.commands import Refused
from mudserver.control.rows import Row
from mudserver.errors import PlayerError, Unavailable

#: What answers a box of AMP by another one.
Responder: TypeAlias = Callable[[amp.AmpBox], Deferred[amp.AmpBox]]


def answered(answer: Callable[[], Awaitable[Row]], log: Logger) -> Deferred[Row]:
    """
    Do what is asked; whatever fails becomes the one error that is declared.

    Args:
        answer: Does it.
        log: Told of what fails by our fault.
    """

    async def attempt() -> Row:
        try:
            return await answer()
        except Refused:
            raise
        except (PlayerError, Unavailable) as error:
            raise Refused(str(error)) from None
        except Exception as error:  # noqa: BLE001 (an undeclared error ends the connection)
            log.failure("An operator's command failed.")
            raise Refused(f"That failed on our side: {type(error).__name__}.") from None

    return Deferred.fromCoroutine(attempt())
