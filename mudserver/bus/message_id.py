"""
The names of durable messages.

Written ``INSTANCE:NUMBER:BEHIND``, all that the hub needs to know of it being that it names the
message among all of its publisher.
"""

from typing import Final

from attrs import frozen

_SEPARATOR: Final = ":"
_PARTS: Final = 3

#: Digits of a number; no process sends more.
MAX_DIGITS: Final = 18

#: Characters of the name of an instance.
MAX_INSTANCE_CHARACTERS: Final = 64


@frozen
class MessageId:
    """
    Names a durable message, and says how far back repeats may go.

    Attributes:
        instance: Of the publisher: another one each time that its process starts.
        number: 1, 2, 3 … in the order published, over all subjects.
        floor: When it was published, all before this one were done with: confirmed, or given up.
            So none of them is sent again, and no receiver need remember them.
    """

    instance: str
    number: int
    floor: int

    def __str__(self) -> str:
        return _SEPARATOR.join((self.instance, str(self.number), str(self.number - self.floor)))

    @classmethod
    def read(cls, text: str) -> "MessageId":
        """
        Read what `str` wrote.

        Raises:
            ValueError: Nobody wrote that.
        """
        parts = text.rsplit(_SEPARATOR, _PARTS - 1)
        if len(parts) != _PARTS or not 0 < len(parts[0]) <= MAX_INSTANCE_CHARACTERS:
            raise ValueError(f"{text[:MAX_INSTANCE_CHARACTERS]!r} names no message")
        number, behind = (_read(part) for part in parts[1:])
        if not 0 <= behind < number:
            raise ValueError(f"{text[:MAX_INSTANCE_CHARACTERS]!r} is numbered wrongly")
        return cls(parts[0], number, number - behind)


def _read(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        raise ValueError(f"{digits[:MAX_DIGITS]!r} is no number of a message")
    return int(digits)
