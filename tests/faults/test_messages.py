"""JSON that no client would write."""

from tests.faults import frames
from tests.faults.case import FaultCase
from tests.faults.peer import enter

_COMMAND = b'{"type":"command","text":%s}'

#: What is sent, and how it is refused.
_WRONG = (
    (b"[" * 5_000, "too_deep"),
    (b'{"a":' * 2_000, "too_deep"),
    (b'{"type":"command","text":' + b"[" * 11 + b"]" * 11 + b"}", "too_deep"),
    (_COMMAND % (b"9" * 5_000), "bad_field"),
    (_COMMAND % b"1e999999999", "bad_field"),
    (_COMMAND % b"-1e-999999999", "bad_field"),
    (b'{"type":' + b"7" * 4_301 + b"}", "bad_type"),
    (_COMMAND % b"NaN", "bad_json"),
    (_COMMAND % b'"say \\u0000"', "bad_field"),
    (_COMMAND % b'"say \\ud800"', "bad_json"),
    (_COMMAND % b'"say \\u001b[2J"', "bad_field"),
    (b'{"type":"command","text":"say one","text":"say two"}', "bad_json"),
    (b'{"type":"bye","type":"command","text":"say three"}', "bad_type"),
    (b'{"type":"command","text":"say four","\\u0074ext":"say five"}', "bad_json"),
)


class MessageTests(FaultCase):
    """What comes by a sound frame, and isn't a message."""

    async def test_json(self) -> None:
        """Deep nesting, huge numbers, names that come twice, halves of characters and control
        characters are refused each by its code, nothing of it is done, and play goes on.
        """
        eve = await self.account("Eve")
        peer = await enter(self, self.daemon.http, await eve.hello())
        expected: dict[str, int] = {}
        for wrong, code in _WRONG:
            expected[code] = expected.get(code, 0) + 1
            seen = len(peer.messages)
            peer.send(frames.TEXT, wrong)

            def answer(seen: int = seen) -> str | None:
                errors = [each for each in peer.messages[seen:] if each["type"] == "error"]
                return errors[0]["code"] if errors else None

            self.assertEqual(
                await peer.until(answer, f"answer to {wrong[:60]!r}"), code, wrong[:60]
            )
            await self.counted(expected[code], "refusals", reason=code)
        peer.command("say Sorry.", "1")
        await peer.hear("ack", id="1")
        for word in ("one", "two", "three", "four", "five"):
            self.assertNotIn(f'Eve says, "{word}', self.others.ann.said.text)
        peer.say({"type": "bye"})
        self.assertEqual((await peer.ended()).code, 1000)
        await self.survived()
