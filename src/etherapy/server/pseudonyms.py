"""What a thread is called before people of the practice who are not in it (decisions.md D-17)."""

_DIGITS = 8


def pseudonym(thread: bytes) -> str:
    """As audit records call it, the beginning: enough to find those, and nothing to ask the server by."""
    return thread.hex()[:_DIGITS]
