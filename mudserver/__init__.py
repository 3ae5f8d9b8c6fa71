"""
A multi-user text world over WebSocket and telnet.

The package is built in layers: a higher one imports lower ones, never the other way.
`setup.cfg` holds the contract, and `make lint` checks it. From the bottom up:

* `ids`, `errors`: names of things, and everything that can go wrong;
* `wire`, `world`: bytes to messages, and the rules of the world;
* `session`, `view`: what a connection may do, and what its player sees;
* `interfaces`: the ports between the above and the outside;
* `gateway`, `game`, `storage`, `bus`, `telemetry`, `control`: the outside;
* `config`, `service`, `mudctl`: settings, the only wiring, and the operator's command.

The lower half, up to `view`, is free of input and output, of clocks and of chance.
"""

__version__ = "0.1.0"
