"""The one error of this room."""


class Malformed(ValueError):
    """Bytes or values that TEP/1 does not allow.

    `what` is a short stable code (`size`, `keys`, `signature` …) that a caller may show or compare; the
    message says it in words. Neither repeats the bytes concerned.
    """

    def __init__(self, what: str, message: str = "") -> None:
        super().__init__(message or what)
        self.what = what
