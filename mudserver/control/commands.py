"""
What ``mudctl`` may ask over the admin socket: AMP commands (`twisted.protocols.amp`).

Whoever can open the socket may ask everything; its file mode is the only guard.
"""

from twisted.protocols import amp

from mudserver.errors import MudError

#: Rows in one answer: far below AMP's 65,535 bytes, whatever the names in them.
PAGE = 100

#: Characters of the reason of a dead letter; a page of such rows stays far below that, too.
MAX_REASON = 150
#: Rows in one answer where each has longer words in it.
WORDY_PAGE = 10

#: Bytes of a document in one message; AMP's values stop at 65,535.
CHUNK = 60_000

#: Bytes of a document that a connection takes; no format allows as much.
MAX_DOCUMENT = 4 * 1024 * 1024


#: Lines of chat in one answer: some megabytes at the very most.
MAX_LOG_LINES = 1_000

#: How far back they are looked for, in hours: ten years, which is as long as they can be kept.
MAX_LOG_HOURS = 87_600


class Refused(MudError):
    """The daemon can't do that; the message says why."""


_ERRORS: dict[type[Exception], bytes] = {Refused: b"REFUSED"}


class GetStatus(amp.Command):
    """How is the daemon?"""

    response = [
        (b"version", amp.Unicode()),
        (b"uptime", amp.Float()),
        (b"role", amp.Unicode()),
        (b"peer", amp.Unicode()),
        (b"phase", amp.Unicode()),
        (b"linked", amp.Boolean()),
        (b"sessions", amp.Integer()),
        (b"connections", amp.Integer()),
        (b"draining", amp.Boolean()),
        (b"epoch", amp.Integer(optional=True)),
        (b"opened", amp.Unicode(optional=True)),
        (b"pause", amp.Float(optional=True)),
    ]
    errors = _ERRORS


class ListSessions(amp.Command):
    """Who plays? Sessions in order of name, those that follow ``after``."""

    arguments = [(b"after", amp.Unicode())]
    response = [
        (
            b"sessions",
            amp.AmpList(
                [
                    (b"character", amp.Unicode()),
                    (b"account", amp.Unicode()),
                    (b"transport", amp.Unicode()),
                    (b"address", amp.Unicode()),
                    (b"linkdead", amp.Boolean()),
                ]
            ),
        )
    ]
    errors = _ERRORS


class ListAccounts(amp.Command):
    """Accounts in order of name, those that follow ``after``."""

    arguments = [(b"after", amp.Unicode())]
    response = [
        (
            b"accounts",
            amp.AmpList(
                [
                    (b"name", amp.Unicode()),
                    (b"role", amp.Unicode()),
                    (b"created", amp.Unicode()),
                    (b"disabled", amp.Boolean()),
                    (b"characters", amp.Unicode()),
                ]
            ),
        )
    ]
    errors = _ERRORS


class SetRole(amp.Command):
    """Change what an account may do."""

    arguments = [(b"name", amp.Unicode()), (b"role", amp.Unicode())]
    errors = _ERRORS


class DisableAccount(amp.Command):
    """Let nobody act for an account; what it has open ends."""

    arguments = [(b"name", amp.Unicode())]
    errors = _ERRORS


class EnableAccount(amp.Command):
    """Take log-ins of a disabled account again."""

    arguments = [(b"name", amp.Unicode())]
    errors = _ERRORS


class SetPassword(amp.Command):
    """Give an account a new password; all its tokens end."""

    arguments = [(b"name", amp.Unicode()), (b"password", amp.Unicode())]
    errors = _ERRORS


class Kick(amp.Command):
    """Close a character's connection."""

    arguments = [(b"character", amp.Unicode()), (b"reason", amp.Unicode())]
    errors = _ERRORS


class RevokeAll(amp.Command):
    """End all tokens of an account."""

    arguments = [(b"name", amp.Unicode())]
    response = [(b"tokens", amp.Integer())]
    errors = _ERRORS


class Ban(amp.Command):
    """Keep an account, a name or a network out; an empty ``lasting`` is for good."""

    arguments = [
        (b"target", amp.Unicode()),
        (b"kind", amp.Unicode(optional=True)),
        (b"lasting", amp.Unicode()),
        (b"why", amp.Unicode()),
        (b"force", amp.Boolean()),
    ]
    response = [(b"banned", amp.Unicode())]
    errors = _ERRORS


class Unban(amp.Command):
    """Take back all bans of what is called so."""

    arguments = [(b"target", amp.Unicode())]
    response = [(b"lifted", amp.Unicode())]
    errors = _ERRORS


class ListBans(amp.Command):
    """Bans by kind and key, those that follow the ``place`` of an earlier one."""

    arguments = [(b"after", amp.Unicode())]
    response = [
        (
            b"bans",
            amp.AmpList(
                [
                    (b"place", amp.Unicode()),
                    (b"kind", amp.Unicode()),
                    (b"name", amp.Unicode()),
                    (b"by", amp.Unicode()),
                    (b"since", amp.Unicode()),
                    (b"until", amp.Unicode()),
                    (b"why", amp.Unicode()),
                ]
            ),
        )
    ]
    errors = _ERRORS


class ListLogins(amp.Command):
    """Log-ins of an account, the newest first; ``before`` is an ``id`` of one, or 0."""

    arguments = [(b"name", amp.Unicode()), (b"before", amp.Integer())]
    response = [
        (
            b"logins",
            amp.AmpList(
                [
                    (b"id", amp.Integer()),
                    (b"at", amp.Unicode()),
                    (b"last", amp.Unicode()),
                    (b"address", amp.Unicode()),
                    (b"way", amp.Unicode()),
                    (b"outcome", amp.Unicode()),
                    (b"tries", amp.Integer()),
                ]
            ),
        )
    ]
    errors = _ERRORS


class ListAudit(amp.Command):
    """What staff and operators did, the newest first; ``before`` is an ``id`` of it, or 0."""

    arguments = [
        (b"actor", amp.Unicode()),
        (b"action", amp.Unicode()),
        (b"target", amp.Unicode()),
        (b"before", amp.Integer()),
    ]
    response = [
        (
            b"deeds",
            amp.AmpList(
                [
                    (b"id", amp.Integer()),
                    (b"at", amp.Unicode()),
                    (b"via", amp.Unicode()),
                    (b"actor", amp.Unicode()),
                    (b"origin", amp.Unicode()),
                    (b"action", amp.Unicode()),
                    (b"target", amp.Unicode()),
                    (b"details", amp.Unicode()),
                ]
            ),
        )
    ]
    errors = _ERRORS


class ExportCharacter(amp.Command):
    """Write a character down; the document is fetched by `ReadChunk`."""

    arguments = [(b"name", amp.Unicode())]
    response = [(b"size", amp.Integer())]
    errors = _ERRORS


class ReadChatLog(amp.Command):
    """What was said in the last hours? The rows are fetched by `ReadChunk`."""

    arguments = [
        (b"channel", amp.Unicode(optional=True)),
        (b"name", amp.Unicode(optional=True)),
        (b"hours", amp.Float()),
        (b"limit", amp.Integer()),
    ]
    response = [(b"size", amp.Integer())]
    errors = _ERRORS


class ReadChunk(amp.Command):
    """What comes next of the document that was written; empty at its end."""

    response = [(b"chunk", amp.String())]
    errors = _ERRORS


class WriteChunk(amp.Command):
    """What comes next of a document that `ImportCharacter` or `ImportLetters` will read."""

    arguments = [(b"chunk", amp.String())]
    errors = _ERRORS


class ImportCharacter(amp.Command):
    """Make a character of the chunks so far; without an account, for a new one."""

    arguments = [(b"account", amp.Unicode(optional=True))]
    response = [
        (b"name", amp.Unicode()),
        (b"account", amp.Unicode()),
        (b"strangers", amp.Integer()),
    ]
    errors = _ERRORS


_LETTER: list[tuple[bytes, amp.Argument]] = [
    (b"number", amp.Integer()),
    (b"what", amp.Unicode()),
    (b"reason", amp.Unicode()),
    (b"attempts", amp.Integer()),
    (b"first", amp.Unicode()),
    (b"last", amp.Unicode()),
]


class ListBoxes(amp.Command):
    """Of what are dead letters kept?"""

    response = [(b"boxes", amp.AmpList([(b"name", amp.Unicode())]))]
    errors = _ERRORS


class ListLetters(amp.Command):
    """Dead letters of a box in order of their numbers, those that follow ``after``."""

    arguments = [(b"box", amp.Unicode()), (b"after", amp.Integer())]
    response = [(b"letters", amp.AmpList(_LETTER))]
    errors = _ERRORS


class OpenLetter(amp.Command):
    """Read a dead letter; its contents are fetched by `ReadChunk`."""

    arguments = [(b"box", amp.Unicode()), (b"number", amp.Integer())]
    response = [*_LETTER, (b"size", amp.Integer())]
    errors = _ERRORS


class PruneLetters(amp.Command):
    """Throw dead letters away whose last attempt is so many seconds ago, or more."""

    arguments = [(b"box", amp.Unicode()), (b"age", amp.Integer())]
    response = [(b"letters", amp.Integer())]
    errors = _ERRORS


class ImportLetters(amp.Command):
    """Keep the dead letters of the bus that the chunks so far are a JSON array of."""

    response = [(b"letters", amp.Integer())]
    errors = _ERRORS


class ReplayLetter(amp.Command):
    """Deliver a dead letter after all; whether it is confirmed, or still under way."""

    arguments = [(b"box", amp.Unicode()), (b"number", amp.Integer())]
    response = [(b"delivered", amp.Boolean())]
    errors = _ERRORS


class GetDatabase(amp.Command):
    """Where is the database? The password is in the answer."""

    response = [
        (b"parameters", amp.AmpList([(b"name", amp.Unicode()), (b"value", amp.Unicode())])),
        (b"programs", amp.Unicode()),
    ]
    errors = _ERRORS


class ReloadWorld(amp.Command):
    """Have another world take over from this one; with ``fresh`` start it, whoever stands by."""

    arguments = [(b"fresh", amp.Boolean())]
    response = [
        (b"peer", amp.Unicode()),
        (b"host", amp.Unicode()),
        (b"process", amp.Integer()),
        (b"waiting", amp.Integer()),
        (b"gateways", amp.Integer()),
        (b"sessions", amp.Integer()),
        (b"pause", amp.Float()),
    ]
    errors = _ERRORS


class Drain(amp.Command):
    """Stop accepting, send everyone away, save, and exit."""

    errors = _ERRORS
