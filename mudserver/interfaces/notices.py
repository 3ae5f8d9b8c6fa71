"""What the database tells of changes, whoever made them."""

from collections.abc import Callable
from enum import Enum

from zope.interface import Interface, implementer


class Topic(Enum):
    """
    What notices are about; the value is PostgreSQL's name of the channel.

    To add one: a line here, and a trigger in a migration that executes ``sound()`` with that name
    and the column whose value is the text of the notice. Then it is sounded by every process that
    changes such a row, an operator's psql too, when its transaction commits.
    """

    #: An account's role, whether it is closed, or one of its tokens, was changed; its id.
    ACCOUNT = "mudserver_account"


#: Takes the text of one notice.
Heard = Callable[[str], None]


class INotices(Interface):
    """
    Notices of what was committed.

    They are hints: each says where to look, and the truth is in the database. Equal ones of one
    transaction are one.
    """

    def subscribe(topic: Topic, heard: Heard, missed: Callable[[], None]) -> Callable[[], None]:
        """
        Be told of a topic.

        Both are called from the reactor, and only note what there is to do.

        Args:
            topic: What of.
            heard: Called with each notice, in the order of the commits.
            missed: Called when notices may have been missed: we begin to listen, for the first time
                or again. Whoever keeps a copy of what is stored compares it then.

        Returns:
            What ends it.
        """


@implementer(INotices)
class NoNotices:
    """Tells nothing: for a world that nobody else changes."""

    def subscribe(
        self, topic: Topic, heard: Heard, missed: Callable[[], None]
    ) -> Callable[[], None]:
        """Implement `INotices.subscribe`."""
        del topic, heard, missed
        return lambda: None
