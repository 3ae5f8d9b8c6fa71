"""What peers, the network and the machine may do to a daemon, and what must not come of it."""
