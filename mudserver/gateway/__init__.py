"""The sockets' side of the bus: WebSocket, telnet, the web site and its API."""
