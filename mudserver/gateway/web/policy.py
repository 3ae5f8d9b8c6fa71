"""
Who is asking, and whether from a page that may.

Two headers protect players from other sites' pages. *Host* must be a name that is ours, or no
name at all (an address, ``localhost``), so that nobody can point a name of their own at us (DNS
rebinding). *Origin* (RFC 6454), which browsers send with everything that could do harm, must be
that of our own pages.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_network

from attrs import field, frozen

from mudserver.errors import Forbidden
from mudserver.gateway.origin import IPNetwork, is_loopback, is_within, parse_address
from mudserver.interfaces.authority import Origin

#: Whose forwarding headers are believed unless the configuration says otherwise.
DEFAULT_PROXIES: tuple[IPNetwork, ...] = (ip_network("127.0.0.1"), ip_network("::1"))

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535

# Names are those that a URL may have (RFC 3986 §3.2.2); what they stand for is checked later.
_AUTHORITY = r"(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{0,5}))?"
_HOST = re.compile(_AUTHORITY, re.IGNORECASE | re.ASCII)
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_AUTHORITY}", re.IGNORECASE | re.ASCII)

# How proxies write the peers that they add: 192.0.2.1, 192.0.2.1:4711, [2001:db8::1]:4711.
_HOP = re.compile(r"(?P<plain>[^\[\]:]+)(?::[0-9]+)?|\[(?P<bracketed>[^\]]+)\](?::[0-9]+)?")


@frozen
class Site:
    """
    The origin of a page (RFC 6454 §4), with the port always said.

    Attributes:
        scheme: ``http`` or ``https``.
        host: A name or an address, in lower case; that of IPv6 in brackets.
        port: 1 to 65535.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Site":
        """
        Read ``https://mud.example.org`` and the like; one slash may follow.

        Raises:
            ValueError: It is something else.
        """
        match = _ORIGIN.fullmatch(text.removesuffix("/"))
        if match is None:
            raise ValueError(f"{text!r} is no origin such as https://mud.example.org")
        return cls.of(match["scheme"].lower(), match["host"], match["port"])

    @classmethod
    def of(cls, scheme: str, host: str, port: str | None) -> "Site":
        """
        Put one together; without a port, the scheme's own counts.

        Raises:
            ValueError: There is no such port.
        """
        number = int(port) if port else _DEFAULT_PORTS[scheme]
        if not 0 < number <= _MAX_PORT:
            raise ValueError(f"there is no port {number}")
        return cls(scheme, host.lower(), number)


@frozen
class Facts:
    """
    What a request says of itself, and who brought it.

    Headers are all values of that name, in order, as they came.

    Attributes:
        peer: The address of the other end of the connection.
        tls: Whether the connection is encrypted.
        host: The header Host.
        origin: The header Origin.
        forwarded_for: The header X-Forwarded-For.
        forwarded_proto: The header X-Forwarded-Proto.
        forwarded: Whether there is any header that proxies add.
    """

    peer: str
    tls: bool = False
    host: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    forwarded_for: tuple[str, ...] = ()
    forwarded_proto: tuple[str, ...] = ()
    forwarded: bool = False


@frozen
class Caller:
    """
    Who asks, proxies already resolved.

    Attributes:
        origin: From where.
        site: What the client takes us for: scheme, host and port that it used.
        browser: Whether it is a page in a browser.
        by_proxy: Whether a trusted proxy brought the request, or could have.
        page: The header Origin as it came, where it is that of an allowed page of another origin;
            else empty. Browsers show such a page our answers only if it is said back to them.
    """

    origin: Origin
    site: Site
    browser: bool
    by_proxy: bool = False
    page: str = ""


def _site(text: str | None) -> Site | None:
    return Site.parse(text) if text else None


def _sites(texts: Iterable[str]) -> frozenset[Site]:
    return frozenset(Site.parse(text) for text in texts)


def _names(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(host.lower() for host in hosts)


@frozen
class WebPolicy:
    """
    What the operator allows.

    Attributes:
        public_url: The origin that browsers see, such as ``https://mud.example.org``; empty
            or None where there is no such thing.
        hosts: Further names by which the server may be asked for.
        origins: Further origins whose pages may ask.
        trusted_proxies: Whose X-Forwarded-For and X-Forwarded-Proto are believed.
        insecure_passwords: Whether passwords are taken where others on the way can read along.

    Raises:
        ValueError: An origin isn't one.
    """

    public_url: Site | None = field(default=None, converter=_site)
    hosts: frozenset[str] = field(default=(), converter=_names)
    origins: frozenset[Site] = field(default=(), converter=_sites)
    trusted_proxies: tuple[IPNetwork, ...] = DEFAULT_PROXIES
    insecure_passwords: bool = False

    def judge(self, facts: Facts) -> Caller:
        """
        Find out who is asking.

        Raises:
            Forbidden: Host or Origin is none of ours; with code ``bad_host`` or ``bad_origin``.
        """
        https = self._proto(facts) == "https"
        site = self._asked_for("https" if https else "http", facts.host)
        asking = self._asking(facts.origin, site)
        secure = https or (is_loopback(facts.peer) and not facts.forwarded)
        return Caller(
            Origin(self._address(facts), secure),
            site,
            browser=bool(facts.origin),
            by_proxy=self.trusts(facts.peer),
            page="" if asking in (None, site) else facts.origin[0],
        )

    def trusts(self, peer: str) -> bool:
        """Whether that is a proxy whose word counts."""
        return is_within(peer, self.trusted_proxies)

    def _proto(self, facts: Facts) -> str:
        # The last value is the nearest proxy's own: those before it may be the client's invention.
        if facts.forwarded_proto and self.trusts(facts.peer):
            return facts.forwarded_proto[-1].rpartition(",")[2].strip().lower()
        return "https" if facts.tls else "http"

    def _address(self, facts: Facts) -> str:
        """Go back from hop to hop, as far as those who name the next one are trusted."""
        address = facts.peer
        for hop in reversed([hop for value in facts.forwarded_for for hop in value.split(",")]):
            named = _hop(hop.strip()) if self.trusts(address) else None
            if named is None:
                break
            address = named
        return address

    def _asked_for(self, scheme: str, hosts: tuple[str, ...]) -> Site:
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or not self._is_ours(match["host"].lower()):
            raise Forbidden("This server has another name.", code="bad_host")
        try:
            return Site.of(scheme, match["host"], match["port"])
        except ValueError:
            raise Forbidden("This server has no such port.", code="bad_host") from None

    def _is_ours(self, host: str) -> bool:
        return (
            host == "localhost"
            or host in self.hosts
            or (self.public_url is not None and host == self.public_url.host)
            or parse_address(host.removeprefix("[").removesuffix("]")) is not None
        )

    def _asking(self, origins: tuple[str, ...], own: Site) -> Site | None:
        """Return whose page asks, if a page does."""
        if not origins:
            return None
        try:
            site = Site.parse(origins[0]) if len(origins) == 1 else None
        except ValueError:
            site = None
        if site is None or site not in {own, self.public_url, *self.origins}:
            raise Forbidden("That page may not ask here.", code="bad_origin")
        return site


def _hop(text: str) -> str | None:
    """Read one hop of X-Forwarded-For; None where it names no address."""
    address = parse_address(text)
    if address is None:
        match = _HOP.fullmatch(text)
        address = match and parse_address(match["plain"] or match["bracketed"])
    return None if address is None else str(address)
