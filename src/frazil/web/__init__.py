"""The server: REST, one WebSocket, login. Knows the use cases of `frazil.app` and nothing below."""
