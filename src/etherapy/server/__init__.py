"""The server: a door to HTTP, handlers behind it, and the one place where rooms are wired together."""
