"""Settings: three places, one order, and a clear word about every mistake."""

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.config import (
    CONFIG_VARIABLE,
    KEYS,
    STATE_DIRECTORY_VARIABLE,
    Key,
    Settings,
    control_socket,
    load,
    state_directory,
)
from mudserver.config.values import Unacceptable, origin
from mudserver.errors import ConfigError


@frozen
class Sample:
    """
    What one setting may be, and may not.

    Attributes:
        good: Two values as TOML has them, unlike each other and unlike the default.
        bad: Values that are refused, as texts or in TOML.
        words: What the refusal says is allowed.
    """

    good: tuple[object, object]
    bad: tuple[object, ...]
    words: str


_ENDPOINTS: Final = Sample(
    ("tcp:5000:interface=127.0.0.1", ""),
    ("4000", "tcp:x", "tcp:70000", "tcp:interface=127.0.0.1:port=70000", "udp:1", 4000, [], "tcp:"),
    "expected a server endpoint such as tcp:4000:interface=127.0.0.1",
)
_DOORS: Final = Sample(
    ("haproxy:tcp:5000:interface=127.0.0.1", "unix:/run/mud.sock"),
    (*_ENDPOINTS.bad, "haproxy:", "haproxy:x", "haproxy:haproxy:tcp:1", "haproxy:tcp:70000"),
    "expected",
)
_PATHS: Final = Sample(("/srv/one", "two"), (5, [], "~nobody-has-this-name/x"), "expected a path")
_HUBS: Final = Sample(
    ("unix:/run/bus.sock", "tcp:[::1]:4010"),
    ("unix:", "tcp:4010", "tcp:a:65536", "tcp:a:x", "tcp:::1:1", "ssl:a:1", "unix:~nobody-x/y", 5),
    "expected unix:PATH or tcp:HOST:PORT",
)
_FLAGS: Final = Sample((True, "yes"), ("maybe", 1, "", "2"), "expected true or false")
_PER_SECOND = Sample((0.01, "2"), (0, 100_001, "x"), "from 0.01 to 100000")
_PATIENCE = Sample((0.1, "1.5"), (0, 3_601, "x"), "from 0.1 to 3600")
_NETWORKS: Final = Sample(
    (["10.0.0.0/8", "::1"], "192.0.2.1"),
    ("10.0.0.1/8", "10.0.0.0/33", "localhost", ["10.0.0.0/8", "x"], 5, [5]),
    "expected",
)
_CHANNELS = Sample(
    (["trade: buying and selling", "chat"], "events"),
    (["Chat"], "x", ["trade; swap"], [f"trade: {'x' * 61}"], 5),
    "expected",
)

SAMPLES: Final[Mapping[str, Sample]] = {
    "role": Sample(("gateway", "world"), ("hub", "", 1), "one of: all, gateway, world, bus"),
    "peer": Sample(
        ("north-1", "w2"), ("-a", "a--b", "A", "a.b", "a b", "x" * 33, 5), "expected up to 32 of"
    ),
    "bus": _HUBS,
    "bus_listen": _HUBS,
    "bus_socket_mode": Sample(
        ("0660", 0o640),
        ("660a", "0060", "0700", "01660", 660, "0b110", True, 1.5, ""),
        "in octal, from 0600 to 0666",
    ),
    "bus_users": Sample(
        (["mud-gateway:gateway", "1000"], "mud_world:world"),
        ("a:hub", "a:", ":gateway", "a b", ["a", ""], 5),
        "expected",
    ),
    "bus_spool": _PATHS,
    "bus_ca": _PATHS,
    "bus_certificate": _PATHS,
    "bus_key": _PATHS,
    "name": Sample(("Latewater", "Grey Harbour"), ("", " ", "x" * 61, "a\nb", 5), "1 to 60"),
    "state_dir": _PATHS,
    "telnet": _DOORS,
    "http": _DOORS,
    "https": _DOORS,
    "telnets": _DOORS,
    "share_ports": _FLAGS,
    "operations": _ENDPOINTS,
    "control": _PATHS,
    "certificate": _PATHS,
    "private_key": _PATHS,
    "database": Sample(
        ("postgresql://ann:geheim@db/one", "postgres://db/two"),
        ("mysql://ann:geheim@db/one", "ann:geheim@db", "postgresql:geheim", 5),
        "expected postgresql://user:password@host:port/database",
    ),
    "database_pool": Sample((1, "100"), (0, 101, "1.5", 1.5, "many", "", True), "from 1 to 100"),
    "database_wait": Sample((0, "3600"), (-1, 3_601, "x"), "from 0 to 3600"),
    "areas": _PATHS,
    "public_url": Sample(
        ("https://mud.example.org", "http://mud.example.org:8080/"),
        ("mud.example.org", "ftp://mud.example.org", "https://mud.example.org/play", "https://", 5),
        "expected",
    ),
    "hosts": Sample(
        (["a.example.org", "b"], "c.example.org, d"), ("a/b", "a:80", ["a b"], "u@a", 5), "expected"
    ),
    "origins": Sample(
        (["https://a.example.org"], "http://b:81, https://c"),
        ("a", ["https://a", "b"], "https://a?x", "https://u:p@a", "https://a:x", "http://[", 5),
        "expected",
    ),
    "trusted_proxies": _NETWORKS,
    "insecure_passwords": _FLAGS,
    "insecure_staff": _FLAGS,
    "log_format": Sample(("json", "json"), ("xml", "", 5), "expected one of: text, json"),
    "log_level": Sample(("debug", "error"), ("loud", "", 5), "debug, info, warn, error"),
    "channels": _CHANNELS,
    "staff_channels": _CHANNELS,
    "login_days": Sample((1, "90"), (0, 3_651, 1.5, "x"), "from 1 to 3650"),
    "history_days": Sample((0, "90"), (-1, 3_651, 1.5, "x"), "from 0 to 3650"),
    "tell_days": Sample((0, "90"), (-1, 3_651, 1.5, "x"), "from 0 to 3650"),
    "password_time_cost": Sample((1, "2"), (0, 101, 1.5, "x"), "from 1 to 100"),
    "password_memory": Sample((8, "1024"), (7, 4_194_305, "x"), "from 8 to 4194304"),
    "password_parallelism": Sample((1, "2"), (0, 65, "x"), "from 1 to 64"),
    "exempt": _NETWORKS,
    "per_address": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "http_per_address": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "unauthenticated": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "total": Sample((1, "2"), (0, 1_000_001, "x"), "from 1 to 1000000"),
    "pending": Sample((1, "2"), (0, 1_000_001, "x"), "from 1 to 1000000"),
    "arrivals": Sample((0.1, "2"), (0, 100_001, "x"), "from 0.1 to 100000"),
    "arrival_burst": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "descriptors": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "commands": Sample((0.1, "2"), (0, 100_001, "x"), "from 0.1 to 100000"),
    "command_burst": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "tell": _PER_SECOND,
    "tell_burst": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "channel": _PER_SECOND,
    "channel_burst": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "who": _PER_SECOND,
    "who_burst": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "history": Sample((0.1, "2"), (0, 100_001, "x"), "from 0.01 to 100000"),
    "history_burst": Sample((1, "2"), (0, 100_001, "x"), "from 1 to 100000"),
    "frames": Sample((200, "50.5"), (0, 1_000_001, "x"), "from 1 to 1e+06"),
    "frame_burst": Sample((200, "50"), (9, 10_000_001, "x", 1.5), "from 10 to 10000000"),
    "raw_bytes": Sample((2_048, "5e6"), (1_023, 2_000_000_000, "x"), "from 1024 to 1e+09"),
    "byte_burst": Sample((65_536, "99999"), (65_535, 2_000_000_000, "x"), "from 65536 to"),
    "message": Sample((1_024, "2048"), (1_023, 16 * 1024 * 1024 + 1, "x"), "from 1024 to 16777216"),
    "handshake": _PATIENCE,
    "hello": _PATIENCE,
    "answer": _PATIENCE,
    "login": _PATIENCE,
    "heartbeat": _PATIENCE,
    "pong": _PATIENCE,
    "telnet_heartbeat": _PATIENCE,
    "telnet_pong": _PATIENCE,
    "stall": _PATIENCE,
    "telnet_stall": _PATIENCE,
    "closing": _PATIENCE,
    "grace": Sample((0, "1.5"), (-1, 86_401, "x"), "from 0 to 86400"),
    "drain": Sample((0, "1.5"), (-1, 3_601, "x"), "from 0 to 3600"),
    "token_life": Sample((60, "90.5"), (59, 30 * 86_400 + 1, "x"), "from 60 to 2.592e+06"),
    "alarm_after": Sample((0.1, "5"), (0, 3_601, "x"), "from 0.1 to 3600"),
    "alarm_at": Sample((1, "20000"), (0, 1_000_001, 1.5, "x"), "from 1 to 1000000"),
    "no_log_ins_after": Sample((2, "15"), (0, 3_601, "x"), "from 0.1 to 3600"),
    "no_log_ins_at": Sample((10_000, "40000"), (0, 1_000_001, "x"), "from 1 to 1000000"),
    "no_changes_after": Sample((5, "3600"), (0, 3_601, "x"), "from 0.1 to 3600"),
    "no_changes_at": Sample((20_000, "1000000"), (0, 1_000_001, "x"), "from 1 to 1000000"),
}


def toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\\", "\\\\").replace("\n", "\\n") + '"'
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return str(value)


def text(value: object) -> str:
    """A value as one types it."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ",".join(map(str, value))
        case _:
            return str(value)


class ConfigTestCase(SynchronousTestCase):
    def write(self, content: str | bytes) -> Path:
        path = Path(self.mktemp())
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def file(self, key: Key, value: object) -> Path:
        *tables, name = key.key.split(".")
        head = f"[{'.'.join(tables)}]\n" if tables else ""
        return self.write(f"{head}{name} = {toml(value)}\n")

    def refused(
        self,
        options: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        file: Path | None = None,
    ) -> ConfigError:
        with self.assertRaises(ConfigError) as raised:
            load(options or {}, environment or {}, file)
        error: ConfigError = raised.exception
        return error


class KeysTest(ConfigTestCase):
    def test_every_setting_is_tried(self) -> None:
        """No setting is without samples."""
        self.assertEqual([key.attribute for key in KEYS], list(SAMPLES))

    def test_names(self) -> None:
        """A key is called the same everywhere, by the customs of each place."""
        (grace,) = (key for key in KEYS if key.attribute == "grace")
        self.assertEqual(
            (grace.key, grace.option, grace.variable),
            ("limits.grace", "limits-grace", "MUDSERVER_LIMITS_GRACE"),
        )
        for kind in ("key", "option", "variable"):
            names = [getattr(key, kind) for key in KEYS]
            self.assertEqual(len(set(names)), len(names))

    def test_documented(self) -> None:
        """Each setting says what it means, in a sentence."""
        for key in KEYS:
            self.assertRegex(key.doc, r"^\S.*[.\]]$", key.key)

    def test_defaults(self) -> None:
        """Where nobody says anything, the defaults hold; each would be accepted if given."""
        self.assertEqual(load({}, {}), Settings())
        for key in KEYS:
            if key.default is not None:
                self.assertEqual(key.parse(_given(key.default)), key.default, key.key)

    def test_order(self) -> None:
        """What comes later under pressure can't begin earlier; what is equal is allowed."""
        for options, wrong, least in (
            ({"pressure-alarm-after": "6"}, "pressure.no_log_ins_after", "alarm_after, which is 6"),
            ({"pressure-no-changes-at": "5"}, "pressure.no_changes_at", "which is 20000, found 5"),
        ):
            error = self.assertRaises(ConfigError, load, options, {})
            self.assertIn(f"the settings: {wrong}: expected no less than pressure.", str(error))
            self.assertIn(least, str(error))
        same = load({f"pressure-{each}-after": "3" for each in ("alarm", "no-log-ins")}, {})
        self.assertEqual((same.alarm_after, same.no_log_ins_after), (3.0, 3.0))

    def test_precedence(self) -> None:
        """The command line wins over the file, the file over the environment, for each setting."""
        for key in KEYS:
            first, second = SAMPLES[key.attribute].good
            wanted, other = key.parse(first), key.parse(second)
            option, variable = {key.option: text(first)}, {key.variable: text(first)}
            others = {key.variable: text(second)}
            for options, environment, file in (
                (option, {}, None),
                ({}, variable, None),
                ({}, {}, self.file(key, first)),
                (option, others, None),
                (option, others, self.file(key, second)),
                ({}, others, self.file(key, first)),
            ):
                settings = load(options, environment, file)
                self.assertEqual(getattr(settings, key.attribute), wanted, key.key)
            if wanted != other:
                settings = load({}, {}, self.file(key, second))
                self.assertEqual(getattr(settings, key.attribute), other, key.key)

    def test_wrong_values(self) -> None:
        """A value that isn't allowed is refused: which key, where, and what is allowed."""
        for key in KEYS:
            sample = SAMPLES[key.attribute]
            for value in sample.bad:
                file = self.file(key, value)
                cases = [(self.refused(file=file), key.key, str(file))]
                if isinstance(value, str):
                    cases += [
                        (self.refused({key.option: value}), f"--{key.option}", "the command line"),
                        (self.refused({}, {key.variable: value}), key.variable, "the environment"),
                    ]
                for error, name, source in cases:
                    self.assertEqual((error.key, error.source), (name, source))
                    message = str(error)
                    for words in (name, source, sample.words):
                        self.assertIn(words, message, (key.key, value))

    def test_found(self) -> None:
        """The refusal shows what was found."""
        self.assertIn("found 'loud'", str(self.refused({"log-level": "loud"})))


def _given(default: object) -> object:
    """A default as one would give it."""
    if isinstance(default, tuple):
        return [str(item) for item in default]
    return default


class SecretsTest(ConfigTestCase):
    def test_password_of_the_database(self) -> None:
        """It is in no message and in no representation, whatever is wrong."""
        for value in ("mysql://ann:geheim@db/x", "ann:geheim@db", "postgresql:geheim"):
            (key,) = (key for key in KEYS if key.attribute == "database")
            for error in (
                self.refused({"database": value}),
                self.refused({}, {"MUDSERVER_DATABASE": value}),
                self.refused({}, {}, self.file(key, value)),
            ):
                self.assertNotIn("geheim", str(error))
        settings = load({"database": "postgresql://ann:geheim@db/x"}, {})
        self.assertIn("geheim", settings.database)
        self.assertNotIn("geheim", repr(settings))
        self.assertNotIn("geheim", str(settings))

    def test_misspelt(self) -> None:
        """A misspelt key doesn't show its value."""
        file = self.write('databse = "postgresql://ann:geheim@db/x"')
        self.assertNotIn("geheim", str(self.refused(file=file)))
        error = self.refused({}, {"MUDSERVER_DATABSE": "postgresql://ann:geheim@db/x"})
        self.assertNotIn("geheim", str(error))

    def test_not_toml(self) -> None:
        """A file that can't be read doesn't show its contents."""
        file = self.write("database = postgresql://ann:geheim@db/x\n")
        self.assertNotIn("geheim", str(self.refused(file=file)))


class FileTest(ConfigTestCase):
    def test_unknown_keys(self) -> None:
        """An unknown key is refused, with the nearest that there is."""
        for content, name, nearest in (
            ("telnett = 'tcp:1'", "telnett", "telnet"),
            ("[limits]\ngrase = 5", "limits.grase", "limits.grace"),
            ("[telnet]\nport = 4000", "telnet.port", ""),
            ("qqqqqqqqqqqq = 1", "qqqqqqqqqqqq", ""),
        ):
            file = self.write(content)
            error = self.refused(file=file)
            self.assertEqual((error.key, error.source), (name, str(file)))
            self.assertIn("no such setting", str(error))
            if nearest:
                self.assertIn(f"did you mean {nearest}?", str(error))

    def test_unknown_variables(self) -> None:
        """So is a variable that begins like ours; all others are none of our business."""
        error = self.refused({}, {"MUDSERVER_TELNT": "tcp:1"})
        self.assertEqual((error.key, error.source), ("MUDSERVER_TELNT", "the environment"))
        self.assertIn("did you mean MUDSERVER_TELNET?", str(error))
        load({}, {"PATH": "/bin", "MUD": "1", "mudserver_x": "1"})

    def test_named_by_a_variable(self) -> None:
        """The environment may name the file; an option that does wins."""
        one, two = self.write("name = 'One'"), self.write("name = 'Two'")
        environment = {CONFIG_VARIABLE: str(one)}
        self.assertEqual(load({}, environment).name, "One")
        self.assertEqual(load({}, environment, two).name, "Two")
        self.assertEqual(load({}, {CONFIG_VARIABLE: ""}).name, Settings().name)

    def test_missing(self) -> None:
        """A file that isn't there is named, with the reason."""
        error = self.refused(file=Path("/nowhere/mud.toml"))
        self.assertEqual(str(error), "/nowhere/mud.toml: can't be read: No such file or directory")

    def test_a_folder(self) -> None:
        """So is one that is none."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.assertIn("can't be read", str(self.refused(file=folder)))

    def test_corrupt(self) -> None:
        """A file that isn't TOML is named, with the place of the mistake."""
        for content in ("name = ", "[limits\n", "name = 'a'\nname = 'b'", b"\xff\xfe", "a = 1\0"):
            file = self.write(content)
            error = self.refused(file=file)
            self.assertEqual((error.key, error.source), ("", str(file)))
            self.assertIn("is not TOML", str(error))
        self.assertIn("line 2", str(self.refused(file=self.write("role = 'all'\nname = ?\n"))))


class OriginTest(ConfigTestCase):
    """Origins are compared with what browsers send."""

    def test_normal_form(self) -> None:
        """They are in lower case, without a path, and without the scheme's own port."""
        for given_, expected in (
            ("https://Mud.Example.ORG", "https://mud.example.org"),
            ("https://mud.example.org/", "https://mud.example.org"),
            ("https://mud.example.org:443", "https://mud.example.org"),
            ("http://mud.example.org:80/", "http://mud.example.org"),
            ("http://mud.example.org:443", "http://mud.example.org:443"),
            ("http://[::1]:4001", "http://[::1]:4001"),
        ):
            self.assertEqual(origin(given_), expected)

    @given(st.text(max_size=30) | st.from_regex(r"https?://.{0,20}", fullmatch=True))
    def test_nothing_else_gets_through(self, candidate: str) -> None:
        """Whatever the text: it is an origin, stays one, or is refused."""
        try:
            found = origin(candidate)
        except Unacceptable:
            return
        self.assertEqual(origin(found), found)
        self.assertRegex(found, r"^https?://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]+)?$")


class PlacesTest(ConfigTestCase):
    def test_state_directory(self) -> None:
        """The setting wins, then systemd's, then XDG's, then the user's own."""
        environment = {STATE_DIRECTORY_VARIABLE: "/var/lib/mud:/x", "XDG_STATE_HOME": "/xdg"}
        named = load({"state-dir": "/srv/mud"}, {})
        self.assertEqual(state_directory(named, environment), Path("/srv/mud"))
        self.assertEqual(state_directory(Settings(), environment), Path("/var/lib/mud"))
        del environment[STATE_DIRECTORY_VARIABLE]
        self.assertEqual(state_directory(Settings(), environment), Path("/xdg/mudserver"))
        self.assertEqual(
            state_directory(Settings(), {}), Path.home() / ".local" / "state" / "mudserver"
        )

    def test_relative(self) -> None:
        """A relative path is meant from where the daemon was started."""
        named = load({"state-dir": "var", "control": "mud.sock"}, {})
        self.assertEqual(state_directory(named, {}), Path.cwd() / "var")
        self.assertEqual(control_socket(named, {}), Path.cwd() / "mud.sock")

    def test_control_socket(self) -> None:
        """It lies with the rest of the state, unless it is said otherwise."""
        named = load({"state-dir": "/srv/mud"}, {})
        self.assertEqual(control_socket(named, {}), Path("/srv/mud/control.sock"))
        named = load({"control": "/run/mud.sock"}, {})
        self.assertEqual(control_socket(named, {}), Path("/run/mud.sock"))

    def test_home(self) -> None:
        """A tilde is the user's own folder."""
        self.assertEqual(load({"areas": "~/areas"}, {}).areas, Path.home() / "areas")

    def test_networks(self) -> None:
        """Networks are values, not texts."""
        self.assertEqual(
            load({"trusted-proxies": "10.0.0.0/8, ::1"}, {}).trusted_proxies,
            (ip_network("10.0.0.0/8"), ip_network("::1")),
        )
