"""Worlds that follow each other on one database, and gateways that hold sessions meanwhile."""

from collections.abc import Callable

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mudserver.game.service import WorldService
from mudserver.ids import CommandId, InputNumber, SessionId
from mudserver.interfaces.authority import Credential, Origin, PasswordCredential, Transport
from mudserver.interfaces.bus import GATEWAYS, WORLD, Message, Request, gateway_subject
from mudserver.interfaces.continuity import (
    AllReattached,
    FromWorld,
    Held,
    InputsWanted,
    Moved,
    Reattach,
    Reattachment,
)
from mudserver.interfaces.play import Attach, Attached, Ended, EventId, Input, Settled, Show
from tests.unit.game.theatre import HOME, PASSWORD, FakeGateway, GameTestCase, Opened


@define(eq=False)
class HoldingGateway(FakeGateway):
    """
    Holds sessions and what was typed in them, as gateways do.

    Attributes:
        held: Its sessions.
        unsettled: What was typed in each, by number, as long as it isn't settled.
        seen: Names of what was shown, by session: nothing is shown twice.
        epoch: The newest that it has heard of; messages of older ones are dropped.
        deaf: Whether nothing gets here.
        to_all: What worlds told all gateways.
        withdraw: Has it no longer be there.
    """

    held: dict[SessionId, Held] = field(factory=dict)
    unsettled: dict[SessionId, dict[InputNumber, tuple[str, CommandId | None]]] = field(
        factory=dict
    )
    seen: set[tuple[SessionId, EventId]] = field(factory=set)
    epoch: int = 0
    deaf: bool = False
    to_all: list[Message] = field(factory=list)
    withdraw: Callable[[], None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.bus.subscribe(gateway_subject(self.id), self.take)
        self.bus.subscribe(GATEWAYS, self.take_for_all)
        self.come()

    def come(self) -> None:
        """Be there."""

        def respond(_: Request[object]) -> Deferred[object]:
            raise NotImplementedError

        self.withdraw = self.bus.respond(gateway_subject(self.id), respond)

    def take_for_all(self, message: Message) -> None:
        assert isinstance(message, FromWorld)
        if message.epoch >= self.epoch:
            self.epoch = message.epoch
            self.to_all.append(message.message)

    def take(self, message: Message) -> None:
        assert isinstance(message, FromWorld)
        if self.deaf or message.epoch < self.epoch:
            return
        self.epoch = message.epoch
        told = message.message
        match told:
            case Show(event=event) if event is not None:
                new = tuple(each for each in told.sessions if (each, event) not in self.seen)
                self.seen.update((each, event) for each in new)
                told = evolve(told, sessions=new)
            case Settled(session=session, number=number):
                unsettled = self.unsettled.get(session, {}).pop(number, None)
                if unsettled is not None and session in self.held:
                    settled = max(number, self.held[session].settled)
                    self.held[session] = evolve(self.held[session], settled=settled)
            case Ended(session=session) | Moved(session=session):
                self.held.pop(session, None)
            case InputsWanted(session=session, after=after):
                self.messages.append(told)
                self.send_again(session, after)
                return
            case _:
                pass
        self.messages.append(told)

    def enter(
        self,
        name: str,
        *,
        transport: Transport = Transport.WEBSOCKET,
        origin: Origin = HOME,
        resume: SessionId | None = None,
        credential: Credential | None = None,
    ) -> Deferred[Attached]:
        """Bring somebody in, and hold the session."""
        session = SessionId(f"{self.id}-{next(self._sessions)}")
        by = credential or PasswordCredential(name, PASSWORD)
        asked = Attach(session, self.id, by, None, transport, origin, resume)

        def keep(attached: Attached) -> Attached:
            self.messages.append(Opened(attached.session))
            self.generations[attached.session] = attached.generation
            self._numbers[attached.session] = attached.applied
            self.held[attached.session] = Held(
                session=attached.session,
                generation=attached.generation,
                attended=attached.attended,
                character=attached.character,
                transport=transport,
                origin=origin,
                linkdead=False,
                settled=attached.applied,
                began=attached.began,
            )
            self.unsettled.setdefault(attached.session, {})
            return attached

        return self.bus.request(WORLD, asked).addCallback(keep)

    def type_held(self, session: SessionId, text: str, command: str | None = None) -> InputNumber:
        """Type a line, and keep it until it is settled."""
        number = self.number(session)
        id = None if command is None else CommandId(command)
        self.unsettled[session][number] = (text, id)
        self.send(session, number)
        return number

    def number(self, session: SessionId) -> InputNumber:
        """Number another input."""
        self._numbers[session] += 1
        return InputNumber(self._numbers[session])

    def send(self, session: SessionId, number: InputNumber) -> None:
        text, id = self.unsettled[session][number]
        generation = self.held[session].generation
        self.bus.publish(WORLD, Input(session, generation, number, text, id))

    def send_again(self, session: SessionId, after: InputNumber = InputNumber(0)) -> None:
        for number in sorted(self.unsettled.get(session, ())):
            if number > after:
                self.send(session, number)

    def ask(self, *sessions: SessionId) -> Deferred[Reattachment]:
        """Name some of the sessions that are held, or all, to the world."""
        named = sessions or tuple(self.held)
        reattach = Reattach(self.id, tuple(self.held[session] for session in named))
        return self.bus.request(WORLD, reattach).addCallback(self.note)

    def note(self, reattachment: Reattachment) -> Reattachment:
        """Go on as the world says."""
        self.epoch = max(self.epoch, reattachment.epoch)
        for each in reattachment.sessions:
            if each.ended is not None:
                self.messages.append(each.ended)
                self.held.pop(each.session, None)
                continue
            self.messages.append(Opened(each.session))
            self.generations[each.session] = each.generation
            self.held[each.session] = evolve(self.held[each.session], generation=each.generation)
        return reattachment

    def all_back(self, pause: float = 0.5) -> None:
        """Send what isn't settled, and say that this is all."""
        for session in tuple(self.held):
            self.send_again(session)
        self.bus.publish(WORLD, AllReattached(self.id, len(self.held), pause))


class SuccessionTestCase(GameTestCase):
    """Ann and Bob play by a gateway that outlives worlds."""

    apart = True

    def setUp(self) -> None:
        super().setUp()
        self.holding = HoldingGateway(self.bus, self.gateway.id)
        self.clock.advance(5.0)  # the opening is over
        self.ann = self.come_in("Ann")
        self.bob = self.come_in("Bob", Transport.TELNET)
        self.holding.forget()

    def come_in(
        self,
        name: str,
        transport: Transport = Transport.WEBSOCKET,
        gateway: HoldingGateway | None = None,
    ) -> SessionId:
        entering = (gateway or self.holding).enter(name, transport=transport)
        self.advance()
        return self.successResultOf(entering).session

    def carry_out(self, session: SessionId, text: str, command: str | None = None) -> None:
        """Type a line, and let it be carried out and committed."""
        self.holding.type_held(session, text, command)
        self.advance()

    def kill(self) -> WorldService:
        """Have the world do nothing more, as if its process was killed; returns it."""
        killed = self.service
        for withdraw in killed._withdraw:
            withdraw()
        now = self.clock.seconds()
        self.clock = Clock()
        self.clock.advance(now)
        self.bus._clock = self.clock
        return killed

    def open_next(self) -> None:
        """Open the next world."""
        self.service = self.make_service()
        self.successResultOf(self.service.startService())

    def come_back(self) -> Reattachment:
        """Have the gateway name all that it holds, and let them play on."""
        asking = self.holding.ask()
        self.advance(0.0)
        answer = self.successResultOf(asking)
        self.holding.all_back()
        self.advance()
        return answer

    def succeed(self) -> Reattachment:
        """Kill the world, and let all go on in the next."""
        self.kill()
        self.open_next()
        return self.come_back()
