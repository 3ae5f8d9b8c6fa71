"""The way from the world to gateways."""

from collections.abc import Callable

from mudserver.ids import Epoch, GatewayId
from mudserver.interfaces.bus import GATEWAYS, IBus, Message, gateway_subject
from mudserver.interfaces.continuity import FromWorld


class Gateways:
    """
    Tells gateways what a world has to tell, under its epoch.

    Args:
        bus: What leads to them.
        epoch: Of the world's lease.
    """

    def __init__(self, bus: IBus, epoch: Epoch) -> None:
        self._bus = bus
        self._epoch = epoch

    @property
    def epoch(self) -> Epoch:
        """Under which all is told."""
        return self._epoch

    def tell(
        self, gateway: GatewayId, message: Message, delivered: Callable[[], None] | None = None
    ) -> None:
        """Tell one gateway something; what is ``delivered`` is as in `IBus.publish`."""
        self._bus.publish(gateway_subject(gateway), FromWorld(self._epoch, message), delivered)

    def tell_all(self, message: Message) -> None:
        """Tell all gateways something."""
        self._bus.publish(GATEWAYS, FromWorld(self._epoch, message))
