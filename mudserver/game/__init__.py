"""The world's side of the bus: the game loop, accounts, presence, fan-out, journal."""
