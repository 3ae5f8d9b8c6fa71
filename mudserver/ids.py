"""
The identifiers that travel through every layer.

Each is its own type, so that a room's number can't stand where a character's is meant.
Numbers are PostgreSQL bigints; names of sessions, gateways and commands are text.
"""

from typing import NewType

AccountId = NewType("AccountId", int)
CharacterId = NewType("CharacterId", int)
RoomId = NewType("RoomId", int)
ItemId = NewType("ItemId", int)
NpcId = NewType("NpcId", int)
DoorId = NewType("DoorId", int)

#: Characters who keep together.
PartyId = NewType("PartyId", int)

#: One character's play, from entering the world to leaving it; survives reconnects.
SessionId = NewType("SessionId", str)

#: One process that holds sockets.
GatewayId = NewType("GatewayId", str)

#: Which of a session's successive controllers: grows by one at each (re-)attach.
Generation = NewType("Generation", int)

#: The place of an input in its session: 1, 2, 3 …, given by the gateway.
InputNumber = NewType("InputNumber", int)

#: A client's own name for a command, unique in its session; 1–64 characters.
CommandId = NewType("CommandId", str)

#: Which of the worlds that ran on a database, one after the other: grows by one at each takeover.
Epoch = NewType("Epoch", int)

#: SHA-256 of a token, in hexadecimal: names the token without being it.
TokenHash = NewType("TokenHash", str)
