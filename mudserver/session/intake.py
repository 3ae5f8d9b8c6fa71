"""What one connection may send at all, whatever it is: charged where it arrives."""

from typing import Final

from attrs import define, field, frozen

from mudserver.session.bucket import Bucket, Rate

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
    """The buckets of one connection. Once one was too empty, nothing passes any more."""

    _limits: IntakeLimits
    _frames: Bucket = field(init=False)
    _raw_bytes: Bucket = field(init=False)
    _exceeded: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._frames = Bucket(self._limits.frames)
        self._raw_bytes = Bucket(self._limits.raw_bytes)

    def bytes_arrived(self, size: int, now: float) -> bool:
        """Charge bytes; return whether they may be looked at."""
        return self._charge(self._raw_bytes, size, now)

    def frame_arrived(self, now: float) -> bool:
        """Charge a frame or a read; return whether it may be looked at."""
        return self._charge(self._frames, 1.0, now)

    def _charge(self, bucket: Bucket, amount: float, now: float) -> bool:
        if not self._exceeded and not bucket.take(now, amount):
            self._exceeded = True
        return not self._exceeded
