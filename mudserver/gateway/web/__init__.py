"""The web: the site with the client, the HTTP API, and the way to the WebSocket."""
