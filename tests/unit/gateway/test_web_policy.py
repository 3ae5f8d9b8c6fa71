"""Who is asking, and whether from a page that may."""

from ipaddress import ip_network

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Forbidden
from mudserver.gateway.web.policy import Facts, Site, WebPolicy
from mudserver.interfaces.authority import Origin

POLICY = WebPolicy(
    public_url="https://mud.example.org",
    hosts=("mud.internal",),
    origins=("https://pages.example.org:8443",),
)
HERE = "127.0.0.1"
ELSEWHERE = "192.0.2.7"


def verdict(policy: WebPolicy, facts: Facts) -> str:
    """Return what is wrong with a request; empty if nothing is."""
    try:
        policy.judge(facts)
    except Forbidden as error:
        return error.code
    return ""


class HostTests(SynchronousTestCase):
    """The header Host."""

    def test_ours(self) -> None:
        """The public name, a listed one, localhost and addresses may be asked for, at any port."""
        for host in (
            "mud.example.org",
            "MUD.example.org:8080",
            "mud.internal",
            "mud.internal:4001",
            "localhost",
            "localhost:4001",
            "localhost:",
            "127.0.0.1:4001",
            "192.0.2.1",
            "[::1]:4001",
            "[2001:db8::1]",
        ):
            self.assertEqual(verdict(POLICY, Facts(HERE, host=(host,))), "", host)

    def test_others(self) -> None:
        """Any other name, what is no name, none at all and two of them are refused."""
        for host in (
            "evil.example",
            "mud.example.org.evil.example",
            "evil.mud.example.org",
            "mud.example.org.",
            "localhost.evil.example",
            "evil.localhost",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "127.1",
            "2130706433",
            "user@localhost",
            "localhost:port",
            "localhost:0",
            "localhost:65536",
            "localhost:999999",
            "localhost, localhost",
            "localhost/",
            " localhost",
            "[::1",
            "::1",
            "[v1.x]",
            "",
            "\xfcmlaut.example",
        ):
            self.assertEqual(verdict(POLICY, Facts(HERE, host=(host,))), "bad_host", host)
        self.assertEqual(verdict(POLICY, Facts(HERE)), "bad_host")
        self.assertEqual(verdict(POLICY, Facts(HERE, host=("localhost",) * 2)), "bad_host")

    def test_unconfigured(self) -> None:
        """Without a public name, nobody may use one."""
        facts = Facts(HERE, host=("mud.example.org",))
        self.assertEqual(verdict(WebPolicy(), facts), "bad_host")


class OriginTests(SynchronousTestCase):
    """The header Origin."""

    def test_matrix(self) -> None:
        """It must be the public one, a listed one or Host's own: scheme, name and port."""
        for host, tls, origin, expected in (
            ("localhost:4001", False, "http://localhost:4001", ""),
            ("localhost:4001", False, "HTTP://LOCALHOST:4001", ""),
            ("localhost:4001", False, "http://localhost", "bad_origin"),
            ("localhost:4001", False, "http://localhost:4002", "bad_origin"),
            ("localhost:4001", False, "https://localhost:4001", "bad_origin"),
            ("localhost:4001", False, "http://127.0.0.1:4001", "bad_origin"),
            ("localhost:4002", True, "https://localhost:4002", ""),
            ("localhost:4002", True, "http://localhost:4002", "bad_origin"),
            ("localhost", False, "http://localhost", ""),
            ("localhost", False, "http://localhost:80", ""),
            ("localhost:80", False, "http://localhost", ""),
            ("localhost:443", True, "https://localhost", ""),
            ("localhost", True, "https://localhost:443", ""),
            ("localhost:443", False, "http://localhost", "bad_origin"),
            ("[::1]:4001", False, "http://[::1]:4001", ""),
            ("mud.example.org", False, "https://mud.example.org", ""),
            ("mud.example.org", False, "https://mud.example.org:443", ""),
            ("mud.example.org", False, "http://mud.example.org", ""),
            ("127.0.0.1:4001", False, "https://mud.example.org", ""),
            ("127.0.0.1:4001", False, "http://mud.example.org", "bad_origin"),
            ("127.0.0.1:4001", False, "https://pages.example.org:8443", ""),
            ("127.0.0.1:4001", False, "https://pages.example.org", "bad_origin"),
            ("127.0.0.1:4001", False, "http://mud.internal", "bad_origin"),
            ("localhost:4001", False, "http://evil.example", "bad_origin"),
            ("localhost:4001", False, "http://localhost:4001.evil.example", "bad_origin"),
            ("localhost:4001", False, "http://user@localhost:4001", "bad_origin"),
            ("localhost:4001", False, "null", "bad_origin"),
            ("localhost:4001", False, "", "bad_origin"),
            ("localhost:4001", False, "file://", "bad_origin"),
            ("localhost:4001", False, "http://localhost:4001 http://x", "bad_origin"),
            ("localhost:4001", False, "http://localhost:4001/path", "bad_origin"),
        ):
            facts = Facts(HERE, tls=tls, host=(host,), origin=(origin,))
            self.assertEqual(verdict(POLICY, facts), expected, (host, tls, origin))

    def test_two(self) -> None:
        """Two headers are refused, even of two that are allowed."""
        origin = "http://localhost:4001"
        facts = Facts(HERE, host=("localhost:4001",), origin=(origin, origin))
        self.assertEqual(verdict(POLICY, facts), "bad_origin")

    def test_forwarded_scheme(self) -> None:
        """Behind a proxy, the browser's scheme is that which the proxy names."""
        facts = Facts(
            HERE,
            host=("192.0.2.1",),
            origin=("https://192.0.2.1",),
            forwarded_proto=("https",),
            forwarded=True,
        )
        self.assertEqual(verdict(POLICY, facts), "")
        self.assertEqual(verdict(POLICY, evolve(facts, peer=ELSEWHERE)), "bad_origin")

    def test_browser(self) -> None:
        """Whoever sends an Origin is a browser."""
        facts = Facts(HERE, host=("localhost",))
        self.assertFalse(POLICY.judge(facts).browser)
        self.assertTrue(POLICY.judge(evolve(facts, origin=("http://localhost",))).browser)


class CallerTests(SynchronousTestCase):
    """Address and security of a request."""

    def caller(
        self,
        peer: str,
        forwarded_for: str = "",
        proto: str = "",
        *,
        tls: bool = False,
        forwarded: bool = False,
        policy: WebPolicy = POLICY,
    ) -> tuple[str, bool]:
        facts = Facts(
            peer,
            tls=tls,
            host=("localhost",),
            forwarded_for=tuple(forwarded_for.split("|")) if forwarded_for else (),
            forwarded_proto=tuple(proto.split("|")) if proto else (),
            forwarded=bool(forwarded_for or proto or forwarded),
        )
        origin = policy.judge(facts).origin
        return origin.address, origin.secure

    def test_direct(self) -> None:
        """Without headers, the peer counts; it is secure by TLS or on the same machine."""
        self.assertEqual(self.caller(HERE), (HERE, True))
        self.assertEqual(self.caller("::1"), ("::1", True))
        self.assertEqual(self.caller("127.8.9.10"), ("127.8.9.10", True))
        self.assertEqual(self.caller(ELSEWHERE), (ELSEWHERE, False))
        self.assertEqual(self.caller(ELSEWHERE, tls=True), (ELSEWHERE, True))

    def test_forwarded(self) -> None:
        """Of a trusted proxy, the rightmost untrusted hop counts, and its word on the scheme."""
        for forwarded_for, proto, expected in (
            ("192.0.2.9", "", ("192.0.2.9", False)),
            ("192.0.2.9", "https", ("192.0.2.9", True)),
            ("192.0.2.9", "http", ("192.0.2.9", False)),
            ("192.0.2.9", "HTTPS", ("192.0.2.9", True)),
            ("203.0.113.1, 192.0.2.9", "https", ("192.0.2.9", True)),
            ("203.0.113.1|192.0.2.9", "https", ("192.0.2.9", True)),
            ("203.0.113.1, 192.0.2.9, 127.0.0.1", "https", ("192.0.2.9", True)),
            ("203.0.113.1, 192.0.2.9|::1, 127.0.0.1", "https", ("192.0.2.9", True)),
            ("127.0.0.1, 192.0.2.9", "https", ("192.0.2.9", True)),
            ("127.0.0.1", "", ("127.0.0.1", False)),
            ("192.0.2.9:4711", "https", ("192.0.2.9", True)),
            ("[2001:db8::1]:4711", "https", ("2001:db8::1", True)),
            ("[2001:db8::1]", "https", ("2001:db8::1", True)),
            ("2001:DB8:0::1", "https", ("2001:db8::1", True)),
            ("::ffff:192.0.2.9", "https", ("192.0.2.9", True)),
            ("203.0.113.1, unknown", "https", (HERE, True)),
            ("203.0.113.1, unknown, 127.0.0.1", "https", (HERE, True)),
            ("203.0.113.1, ", "https", (HERE, True)),
            ("192.0.2.9", "https, http", ("192.0.2.9", False)),
            ("192.0.2.9", "https|http", ("192.0.2.9", False)),
            ("192.0.2.9", "http, https", ("192.0.2.9", True)),
            ("192.0.2.9", "ftp", ("192.0.2.9", False)),
            ("", "https", (HERE, True)),
            ("", "http", (HERE, False)),
        ):
            case = (forwarded_for, proto)
            self.assertEqual(self.caller(HERE, forwarded_for, proto), expected, case)

    def test_other_headers(self) -> None:
        """Any header of a proxy shows that the client is elsewhere, wherever the proxy is."""
        self.assertEqual(self.caller(HERE, forwarded=True), (HERE, False))

    def test_untrusted(self) -> None:
        """Of anyone else, the headers are ignored."""
        self.assertEqual(self.caller(ELSEWHERE, "203.0.113.1", "https"), (ELSEWHERE, False))
        nobody = WebPolicy(trusted_proxies=())
        self.assertEqual(self.caller(HERE, "203.0.113.1", "https", policy=nobody), (HERE, False))

    def test_tls_to_a_proxy(self) -> None:
        """A proxy that says the client came without TLS is believed, though itself it uses TLS."""
        self.assertEqual(self.caller(HERE, "192.0.2.9", "http", tls=True), ("192.0.2.9", False))
        self.assertEqual(self.caller(HERE, "192.0.2.9", tls=True), ("192.0.2.9", True))

    def test_networks(self) -> None:
        """Proxies are trusted by network."""
        policy = WebPolicy(trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
        hops = "203.0.113.1, 192.0.2.9, 2001:db8:1::1, 10.9.9.9"
        self.assertEqual(self.caller("10.1.1.1", hops, "https", policy=policy), ("192.0.2.9", True))


class SiteTests(SynchronousTestCase):
    """Origins of pages, as an operator writes them."""

    def test_default_ports(self) -> None:
        """The port is the scheme's own unless said."""
        self.assertEqual(
            Site.parse("https://Mud.example.org/"), Site("https", "mud.example.org", 443)
        )
        self.assertEqual(Site.parse("http://[::1]"), Site("http", "[::1]", 80))
        self.assertEqual(Site.parse("http://x:8080"), Site("http", "x", 8080))

    def test_no_origin(self) -> None:
        """What is no origin is refused where it is configured."""
        for text in ("mud.example.org", "ftp://x", "https://", "https://x/y", "https://x:0", "//x"):
            self.assertRaises(ValueError, Site.parse, text)
            self.assertRaises(ValueError, WebPolicy, public_url=text)
            self.assertRaises(ValueError, WebPolicy, origins=(text,))

    def test_asked_for(self) -> None:
        """The caller knows what the browser takes us for."""
        caller = POLICY.judge(Facts(ELSEWHERE, tls=True, host=("mud.internal",)))
        self.assertEqual(caller.site, Site("https", "mud.internal", 443))
        self.assertEqual(caller.origin, Origin(ELSEWHERE, secure=True))
