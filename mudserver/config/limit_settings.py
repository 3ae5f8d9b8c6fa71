"""What an operator can set of how much there may be."""

from attrs import frozen

from mudserver.config import values
from mudserver.config.setting import setting
from mudserver.config.values import Network


@frozen(slots=False)
class LimitSettings:
    """How much, how often and for how long; and when too much waits for the database."""

    exempt: tuple[Network, ...] = setting(
        values.several(values.network),
        (),
        "Networks that no limit by address concerns, such as one that tests the load.",
        key="limits.exempt",
    )
    per_address: int = setting(
        values.integer(1, 100_000),
        50,
        "Connections of players from one address (IPv6: one /64).",
        key="limits.per_address",
    )
    http_per_address: int = setting(
        values.integer(1, 100_000), 64, "HTTP connections from one address.", key="limits.http"
    )
    unauthenticated: int = setting(
        values.integer(1, 100_000),
        30,
        "Connections from one address that have not logged in yet.",
        key="limits.unauthenticated",
    )
    total: int = setting(
        values.integer(1, 1_000_000), 20_000, "Connections of players.", key="limits.total"
    )
    pending: int = setting(
        values.integer(1, 1_000_000),
        4_000,
        "Connections that have not logged in yet; all of HTTP are such.",
        key="limits.pending",
    )
    arrivals: float = setting(
        values.number(0.1, 100_000),
        10.0,
        "New connections a second from one address (IPv6: one /64), sustained.",
        key="limits.arrivals",
    )
    arrival_burst: int = setting(
        values.integer(1, 100_000),
        60,
        "The same at once; as many more wait their turn, and the rest is refused.",
        key="limits.arrival_burst",
    )
    descriptors: int = setting(
        values.integer(1, 100_000),
        64,
        "File descriptors kept free for the database and operators; a quarter at most.",
        key="limits.descriptors",
    )
    commands: float = setting(
        values.number(0.1, 100_000),
        10.0,
        "Commands a second of one character, sustained.",
        key="limits.commands",
    )
    command_burst: int = setting(
        values.integer(1, 100_000),
        30,
        "Commands at once of one character.",
        key="limits.command_burst",
    )
    tell: float = setting(
        values.number(0.01, 100_000),
        2.0,
        "Tells a second of one character, sustained.",
        key="limits.tell",
    )
    tell_burst: int = setting(
        values.integer(1, 100_000), 20, "Tells at once.", key="limits.tell_burst"
    )
    channel: float = setting(
        values.number(0.01, 100_000),
        2.0,
        "Lines on channels a second of one character, sustained.",
        key="limits.channel",
    )
    channel_burst: int = setting(
        values.integer(1, 100_000), 20, "Lines on channels at once.", key="limits.channel_burst"
    )
    who: float = setting(
        values.number(0.01, 100_000),
        1.0,
        "Looks at who is here a second of one character, sustained.",
        key="limits.who",
    )
    who_burst: int = setting(
        values.integer(1, 100_000), 10, "Looks at who is here at once.", key="limits.who_burst"
    )
    history: float = setting(
        values.number(0.01, 100_000),
        0.5,
        "Looks at what was said a second of one character, sustained.",
        key="limits.history",
    )
    history_burst: int = setting(
        values.integer(1, 100_000),
        10,
        "Looks at what was said at once.",
        key="limits.history_burst",
    )
    frames: float = setting(
        values.number(1, 1_000_000),
        100.0,
        "WebSocket frames (telnet: reads) a second of one character, sustained; "
        "no less than twice limits.commands.",
        key="limits.frames",
    )
    frame_burst: int = setting(
        values.integer(10, 10_000_000),
        1_000,
        "The same at once; no less than ten times limits.command_burst.",
        key="limits.frame_burst",
    )
    raw_bytes: float = setting(
        values.number(1_024, 1_000_000_000),
        64.0 * 1024,
        "Bytes a second that one character may send, sustained.",
        key="limits.bytes",
    )
    byte_burst: int = setting(
        values.integer(64 * 1024, 1_000_000_000),
        4 * 1024 * 1024,
        "Bytes at once; no less than four times limits.message.",
        key="limits.byte_burst",
    )
    message: int = setting(
        values.integer(1_024, 16 * 1024 * 1024),
        10 * 1024,
        "Bytes in one WebSocket message from a client.",
        key="limits.message",
    )
    handshake: float = setting(
        values.number(0.1, 3_600),
        5.0,
        "Seconds to the complete head of an HTTP request, that of a WebSocket included.",
        key="limits.handshake",
    )
    hello: float = setting(
        values.number(0.1, 3_600),
        10.0,
        "Seconds for a WebSocket client to say who it is.",
        key="limits.hello",
    )
    answer: float = setting(
        values.number(0.1, 3_600),
        60.0,
        "Seconds for each answer of a telnet log-in.",
        key="limits.answer",
    )
    login: float = setting(
        values.number(0.1, 3_600),
        300.0,
        "Seconds for a whole telnet log-in.",
        key="limits.login",
    )
    heartbeat: float = setting(
        values.number(0.1, 3_600),
        25.0,
        "Seconds of silence after which a WebSocket client is pinged.",
        key="limits.heartbeat",
    )
    pong: float = setting(
        values.number(0.1, 3_600), 10.0, "Seconds for its answer.", key="limits.pong"
    )
    telnet_heartbeat: float = setting(
        values.number(0.1, 3_600),
        60.0,
        "Seconds of silence after which a telnet client is sent a timing mark.",
        key="limits.telnet_heartbeat",
    )
    telnet_pong: float = setting(
        values.number(0.1, 3_600),
        60.0,
        "Seconds for its answer, if it has answered one before.",
        key="limits.telnet_pong",
    )
    stall: float = setting(
        values.number(0.1, 3_600),
        10.0,
        "Seconds that a WebSocket client may leave its output unread.",
        key="limits.stall",
    )
    telnet_stall: float = setting(
        values.number(0.1, 3_600),
        120.0,
        "Seconds that a telnet client may leave its output unread.",
        key="limits.telnet_stall",
    )
    closing: float = setting(
        values.number(0.1, 3_600),
        2.0,
        "Seconds from our goodbye to dropping the connection.",
        key="limits.closing",
    )
    grace: float = setting(
        values.number(0, 86_400),
        120.0,
        "Seconds for which a character stays after its connection was lost.",
        key="limits.grace",
    )
    drain: float = setting(
        values.number(0, 3_600),
        30.0,
        "Seconds within which a stop is over; the first half is for goodbyes.",
        key="limits.drain",
    )
    token_life: float = setting(
        values.number(60, 30 * 86_400),
        12 * 3600.0,
        "Seconds for which a log-in lasts without use.",
        key="limits.token",
    )
    alarm_after: float = setting(
        values.number(0.1, 3_600),
        2.0,
        "Seconds that a change may wait for its commit before everyone is told.",
        key="pressure.alarm_after",
    )
    alarm_at: int = setting(
        values.integer(1, 1_000_000),
        10_000,
        "Uncommitted changes, and inputs that wait for them, at which everyone is told.",
        key="pressure.alarm_at",
    )
    no_log_ins_after: float = setting(
        values.number(0.1, 3_600),
        5.0,
        "Seconds after which nobody new is let in.",
        key="pressure.no_log_ins_after",
    )
    no_log_ins_at: int = setting(
        values.integer(1, 1_000_000),
        20_000,
        "Uncommitted changes at which nobody new is let in.",
        key="pressure.no_log_ins_at",
    )
    no_changes_after: float = setting(
        values.number(0.1, 3_600),
        15.0,
        "Seconds after which what changes anything is refused.",
        key="pressure.no_changes_after",
    )
    no_changes_at: int = setting(
        values.integer(1, 1_000_000),
        40_000,
        "Uncommitted changes at which what changes anything is refused.",
        key="pressure.no_changes_at",
    )
