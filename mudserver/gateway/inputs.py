"""Inputs that are sent again, since they may not have arrived."""

from collections.abc import Iterable

from mudserver.interfaces.bus import WORLD, IBus
from mudserver.interfaces.play import Input
from mudserver.session.numbered import Numbered
from mudserver.session.session import Play


def send_again(bus: IBus, play: Play, inputs: Iterable[Numbered]) -> None:
    """Send inputs of a session as those of its newest attachment."""
    unsettled = play.unsettled
    for each in inputs:
        unsettled.sent = max(unsettled.sent, each.number)
        again = Input(
            session=play.id,
            generation=play.generation,
            number=each.number,
            text=each.text,
            command=each.command,
            answered=unsettled.answered(each.number),
            said=unsettled.said(each.number),
        )
        bus.publish(WORLD, again)
