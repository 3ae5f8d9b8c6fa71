"""All networks that are kept out fit in one reply, however many they are."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.codec import MAX_PAYLOAD_BYTES, Codec
from mudserver.bus.loopback import LoopbackBus
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.game.gateways import Gateways
from mudserver.game.network_bans import MAX_REASON_BYTES, MAX_TOLD, NetworkBanNotices
from mudserver.ids import Epoch
from mudserver.interfaces.exclusion import ListNetworkBans, NetworkBans
from mudserver.world.bans import Ban, BanKind, Bans
from mudserver.world.reading import MAX_WHY_CHARS

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class NetworkBansTest(SynchronousTestCase):
    def told(self, amount: int, why: str) -> NetworkBans:
        """What gateways are told of so many bans."""
        bans = Bans()
        for number in range(amount):
            network = f"{IPv6Address((1 << 128) - 1 - number)}/128"
            until = NOW + timedelta(seconds=12345.678)
            bans.put(Ban(BanKind.NETWORK, network, network, None, "", NOW, until, why))
        gateways = Gateways(LoopbackBus(Clock()), Epoch(1 << 40))
        notices = NetworkBanNotices(bans=bans, gateways=gateways, utc_now=lambda: NOW)
        return self.successResultOf(Deferred.fromCoroutine(notices.all(ListNetworkBans())))

    def test_reasons(self) -> None:
        """As long as they fit, reasons are told; beyond it, none is."""
        why = "\N{GRINNING FACE}" * MAX_WHY_CHARS
        (ban,) = self.told(1, why).bans
        self.assertIn(why, ban.reason)
        most = MAX_REASON_BYTES // len(ban.reason.encode())
        self.assertEqual({ban.reason for ban in self.told(most, why).bans}, {ban.reason})
        self.assertEqual(
            {ban.reason for ban in self.told(most + 1, why).bans}, {"Your network is banned."}
        )

    def test_fits(self) -> None:
        """However many there are and however long their reasons, they fit in one message; that
        some are left out is logged.
        """
        with capturedLogs() as events:
            told = self.told(MAX_TOLD + 1, "x" * MAX_WHY_CHARS)
        self.assertEqual((len(told.bans), len(events)), (MAX_TOLD, 1))
        reply = Codec(VOCABULARY).encode_reply(ListNetworkBans(), told)
        self.assertLess(len(reply), MAX_PAYLOAD_BYTES)
