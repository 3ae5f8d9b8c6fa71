"""The names of durable messages."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.message_id import MAX_INSTANCE_CHARACTERS, MessageId


@st.composite
def ids(draw: st.DrawFn) -> MessageId:
    instance = draw(st.text(min_size=1, max_size=MAX_INSTANCE_CHARACTERS))
    number = draw(st.integers(min_value=1, max_value=10**18 - 1))
    return MessageId(instance, number, draw(st.integers(min_value=1, max_value=number)))


class MessageIdTest(SynchronousTestCase):
    @given(ids())
    def test_there_and_back(self, id: MessageId) -> None:
        """What is written is read as it was, whatever the instance is called."""
        self.assertEqual(MessageId.read(str(id)), id)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Whatever else is read as an id names a message, or is refused as such."""
        try:
            id = MessageId.read(text)
        except ValueError:
            return
        self.assertTrue(0 < id.floor <= id.number)

    def test_refused(self) -> None:
        """What nobody writes is refused: no instance, no number, a floor above or below all."""
        for text in ("", "a", "a:1", ":1:0", "a:0:0", "a:1:1", "a:x:0", "a:-1:0", "a:²:0", "a:1:"):
            with self.assertRaises(ValueError, msg=text):
                MessageId.read(text)
        with self.assertRaises(ValueError):
            MessageId.read(f"a:{10**18}:0")
