"""One's account."""

from attrs import field, frozen


@frozen
class ChangePassword:
    """Change one's password; without the two, be asked for them unseen."""

    old: str | None = field(default=None, repr=False)
    new: str | None = field(default=None, repr=False)
