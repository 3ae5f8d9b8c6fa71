"""All that an operator can set."""

from attrs import frozen

from mudserver.config.bus_settings import BusSettings
from mudserver.config.limit_settings import LimitSettings
from mudserver.config.server_settings import ServerSettings


@frozen(slots=False)
class Settings(LimitSettings, ServerSettings, BusSettings):
    """
    All that an operator can set. Each field's metadata holds what ``--help`` says of it.

    Fields are in the order of the bases, the last one first. Numbers of time are seconds, numbers
    of size are bytes.
    """
