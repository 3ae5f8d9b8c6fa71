"""How long what has ended is kept, or told."""

from datetime import timedelta
from typing import Final

#: After a ticket's end.
KEEP_EXPIRED_TICKETS: Final = timedelta(hours=1)

#: After a token's end: a telnet session may outlive it, and its token can still be revoked.
KEEP_EXPIRED_TOKENS: Final = timedelta(days=90)

#: Tokens of one account that were revoked lately, as those who are here are told; and how lately.
#: Who was let in by an older one is found by it.
MAX_REVOKED: Final = 1_000
REVOKED_LATELY: Final = timedelta(minutes=5)

#: Answers to named commands: so many of each session, the newest, and for how long. What is known
#: of a session itself goes when its last input is as old.
KEEP_ANSWERS: Final = 1_000
KEEP_ANSWERS_FOR: Final = timedelta(hours=24)

#: Dead letters of the journal: so many, the newest, and for how long after the last attempt.
KEEP_LETTERS: Final = 10_000
KEEP_LETTERS_FOR: Final = timedelta(days=90)
