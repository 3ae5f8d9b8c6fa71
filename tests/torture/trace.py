"""What becomes of each envelope on rough links, written down: where something is missing, why."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mudserver.bus.codec import Codec
from mudserver.bus.envelopes import Answer, Ask, Deliver, Envelope, Fail, Publish, Receipt
from mudserver.errors import Garbled
from mudserver.interfaces.bus import Message, Request
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Input, Settled, Show

#: What players say, in whatever it is wrapped: see `Spoken.text`.
_SAID: Final = re.compile(r"\b[A-Z][a-z]+-\d+\b")


class Trace:
    """
    Writes down envelopes, one line each.

    Args:
        path: The file; what is there already stays. It is not kept open: the process may be killed.
        codec: Reads what is in them.
        now: The wall clock, in seconds: that of all processes.
    """

    def __init__(self, path: Path, codec: Codec, now: Callable[[], float]) -> None:
        self._path = path
        self._codec = codec
        self._now = now
        self._links = 0

    def number(self) -> int:
        """Return the number of another link."""
        self._links += 1
        return self._links

    def note(self, link: int, way: str, envelope: Envelope, fate: str) -> None:
        """
        Write one down.

        Args:
            link: By which it goes.
            way: ``in`` or ``out``.
            envelope: What.
            fate: What becomes of it.
        """
        kind = type(envelope).__name__
        with self._path.open("a") as file:
            file.write(f"{self._now():.3f} {link} {way} {fate} {kind} {self._words(envelope)}\n")

    def _words(self, envelope: Envelope) -> str:
        match envelope:
            case Publish(subject=subject, seq=seq, id=id, payload=payload):
                return f"{subject} {seq} [{id}] {self._message(payload)}"
            case Deliver(sender=sender, subject=subject, seq=seq, id=id, payload=payload):
                return f"{sender} {subject} {seq} [{id}] {self._message(payload)}"
            case Receipt(sender=sender, id=id, received=received, error=error):
                return f"{sender} [{id}] {received} {error}"
            case Ask(id=number, subject=subject, payload=payload):
                return f"{subject} ({number}) {self._request(payload)}"
            case Answer(id=number) | Fail(id=number):
                return f"({number})"
            case _:
                return repr(envelope)

    def _message(self, payload: bytes) -> str:
        try:
            return _said(self._codec.decode_message(payload))
        except Garbled as error:
            return str(error)

    def _request(self, payload: bytes) -> str:
        try:
            return type(self._codec.decode_request(payload)).__name__
        except Garbled as error:
            return str(error)


def _said(message: Message | Request[object]) -> str:
    """Say what is in a message, as far as it is play."""
    match message:
        case FromWorld(epoch=epoch, message=told):
            return f"epoch {epoch}: {_said(told)}"
        case Show(view=view, sessions=sessions, event=event, durable=durable):
            name = "" if event is None else f"{event.session} {event.number}.{event.index}"
            said = ", ".join(_SAID.findall(view.body.decode()))
            lasting = "durable " if durable else ""
            return f"{lasting}{view.type} <{said}> of {name} to {', '.join(sessions)}"
        case Input(session=session, generation=generation, number=number, text=text):
            return f"Input {session}/{generation} {number}: {text}"
        case Settled(session=session, number=number, refusal=refusal):
            outcome = "" if refusal is None else f": {refusal.message}"
            return f"Settled {session} {number}{outcome}"
        case _:
            return type(message).__name__
