"""The world: rooms, characters and things, and the rules by which they change."""
