"""
What values may be that gateways send to worlds.

Who can send them need not be a gateway of ours: one that was taken over knows no limits. So what is
of no use, or what PostgreSQL refuses, is refused where it arrives, by the bus's codec: before it
gets into a query or a commit that others share.
"""

from typing import Annotated, Final

from msgspec import Meta

from mudserver.ids import (
    AccountId,
    CommandId,
    GatewayId,
    Generation,
    InputNumber,
    SessionId,
    TokenHash,
)
from mudserver.wire.messages import MAX_ID_CHARACTERS, NO_CONTROL_CHARACTERS

#: The largest bigint.
_MOST: Final = 2**63 - 1

_NO_NUL: Final = r"^[^\x00]*\Z"

_NUMBER: Final = Meta(ge=0, le=_MOST)

#: A session's id: that of its gateway, and a word.
Session = Annotated[SessionId, Meta(min_length=1, max_length=200, pattern=NO_CONTROL_CHARACTERS)]

#: A gateway's name on the bus.
Gateway = Annotated[GatewayId, Meta(min_length=1, max_length=64, pattern=NO_CONTROL_CHARACTERS)]

#: A client's id of a command.
Command = Annotated[
    CommandId, Meta(min_length=1, max_length=MAX_ID_CHARACTERS, pattern=NO_CONTROL_CHARACTERS)
]

#: Which attachment of a session.
Attachment = Annotated[Generation, _NUMBER]

#: The place of an input in its session.
Place = Annotated[InputNumber, _NUMBER]

#: An account's id.
Account = Annotated[AccountId, _NUMBER]

#: What names a token.
Token = Annotated[TokenHash, Meta(max_length=128, pattern=NO_CONTROL_CHARACTERS)]

#: A client's address.
Address = Annotated[str, Meta(max_length=64, pattern=NO_CONTROL_CHARACTERS)]

#: What somebody types: a line, a name, a password; more than any line of telnet, or text of JSON.
Typed = Annotated[str, Meta(max_length=10_000)]

#: The same where PostgreSQL sees it.
Asked = Annotated[str, Meta(max_length=10_000, pattern=_NO_NUL)]

#: Something, in whatever words; whoever keeps dead letters makes them legible.
Something = Annotated[str, Meta(min_length=1)]

#: How many there are.
Amount = Annotated[int, _NUMBER]

#: How long something took, in seconds.
Seconds = Annotated[float, Meta(ge=0.0, le=1e9)]
