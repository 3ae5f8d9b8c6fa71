"""What one connection may send at all, whatever it is: charged where it arrives."""

from typing import Final

from attrs import define, field, frozen

from mudserver.session.bucket import Rate, TokenSource

#: Frames of a WebSocket, of whatever kind and however empty, or reads of a telnet connection. No
#: client comes near: commands are 10 a second.
FRAMES: Final = Rate(per_second=100.0, burst=1_000.0)

#: Bytes as they arrive, before anything is made of them.
RAW_BYTES: Final = Rate(per_second=64.0 * 1024, burst=4.0 * 1024 * 1024)


@frozen
class IntakeLimits:
    """
    How much is taken of a connection; these limits are hard.

    Attributes:
        frames: Frames, or reads.
        raw_bytes: Bytes.
    """

    frames: Rate = FRAMES
    raw_bytes: Rate = RAW_BYTES


@define
class Intake:
    """
    What a connection is charged to. Once a bucket was too empty, nothing passes any more.

    Attributes:
        frames: For frames and reads.
        raw_bytes: For bytes.
    """

    frames: TokenSource
    raw_bytes: TokenSource
    _exceeded: bool = field(init=False, default=False)

    def charge_to(self, frames: TokenSource, raw_bytes: TokenSource) -> None:
        """Charge what arrives to other buckets from now on."""
        self.frames = frames
        self.raw_bytes = raw_bytes

    def bytes_arrived(self, size: int, now: float) -> bool:
        """Charge bytes; return whether they may be looked at."""
        return self._charge(self.raw_bytes, size, now)

    def frame_arrived(self, now: float) -> bool:
        """Charge a frame or a read; return whether it may be looked at."""
        return self._charge(self.frames, 1.0, now)

    def _charge(self, bucket: TokenSource, amount: float, now: float) -> bool:
        if not self._exceeded and not bucket.take(now, amount):
            self._exceeded = True
        return not self._exceeded
