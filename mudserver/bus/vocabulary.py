"""All that may cross the bus."""

from typing import Final

from mudserver.interfaces.authority import (
    ChangePassword,
    Describe,
    IssueTicket,
    LogIn,
    LookUpName,
    Refresh,
    Register,
    Revoke,
)
from mudserver.interfaces.bus import Message, Request
from mudserver.interfaces.continuity import (
    AllReattached,
    FromWorld,
    HandOver,
    InputsWanted,
    Moved,
    Reattach,
    StatesWanted,
    Vouch,
    WorldClosing,
    WorldOpened,
)
from mudserver.interfaces.exclusion import ListNetworkBans, NetworkBansChanged
from mudserver.interfaces.play import (
    Attach,
    Delivered,
    Detached,
    Ended,
    Expiring,
    Input,
    OccupantsWanted,
    PasswordWanted,
    Settled,
    Show,
)
from mudserver.interfaces.standby import ResumptionWanted, StandbyWanted
from mudserver.interfaces.undelivered import KeepUndelivered

#: A type goes over the wire by its name, so that a renamed one is another one: processes of the
#: release before don't know it.
VOCABULARY: Final[tuple[type[Message] | type[Request[object]], ...]] = (
    AllReattached,
    Attach,
    ChangePassword,
    Delivered,
    Describe,
    Detached,
    Ended,
    Expiring,
    FromWorld,
    HandOver,
    Input,
    InputsWanted,
    IssueTicket,
    KeepUndelivered,
    ListNetworkBans,
    LogIn,
    LookUpName,
    Moved,
    NetworkBansChanged,
    OccupantsWanted,
    PasswordWanted,
    Reattach,
    Refresh,
    Register,
    ResumptionWanted,
    Revoke,
    Settled,
    Show,
    StandbyWanted,
    StatesWanted,
    Vouch,
    WorldClosing,
    WorldOpened,
)
