"""What a player typed, with its place in the session."""

from attrs import frozen

from mudserver.ids import CommandId, InputNumber


@frozen
class Numbered:
    """
    An input with its place in the session.

    Attributes:
        number: Its place.
        text: The line, as typed.
        command: The client's id of it; None where no `ack` is wanted.
    """

    number: InputNumber
    text: str
    command: CommandId | None
