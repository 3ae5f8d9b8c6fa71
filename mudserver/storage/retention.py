"""How long what has expired is kept, before a new one of its kind sweeps it out."""

from datetime import timedelta
from typing import Final

#: After a ticket's end.
KEEP_EXPIRED_TICKETS: Final = timedelta(hours=1)

#: After a token's end: a telnet session may outlive it, and its token can still be revoked.
KEEP_EXPIRED_TOKENS: Final = timedelta(days=90)
