"""What was typed, on its way through the loop."""

from attrs import frozen

from mudserver.game.sessions import Session
from mudserver.game.view_names import ViewNames
from mudserver.ids import CommandId, InputNumber
from mudserver.interfaces.play import Input


@frozen
class Typed:
    """
    An input on its way through the loop; what was typed stays out of logs.

    Attributes:
        session: Whose.
        number: Its place in the session.
        command: The client's id of it, if it has one.
        came: When it came, in seconds of the clock.
        names: Names what is shown of it.
        again: The input, where the player has its answer already.
    """

    session: Session
    number: InputNumber
    command: CommandId | None
    came: float
    names: ViewNames
    again: Input | None
