"""A program that dies at a write of its profile, as if its machine had been switched off."""

from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.keeping.shelf import MemoryShelf


class Died(BaseException):
    """Nobody catches this: the program is gone."""


class DyingShelf(MemoryShelf):
    """Files of which only the first `left` changes are made; the next one is left lying beside its file."""

    def __init__(self, files: dict[str, bytes] | None = None, left: int | None = None) -> None:
        super().__init__()
        self._files = dict(files or {})
        self.left = left
        self.changes = 0

    @property
    def files(self) -> dict[str, bytes]:
        """What is found after the end."""
        return dict(self._files)

    def write(self, name: str, data: bytes) -> None:
        self._spend(f"{name}.new", data[:-1])
        super().write(name, data)
        self._files.pop(f"{name}.new", None)

    def append(self, name: str, data: bytes) -> None:
        whole = self._files.get(name, b"")
        self._spend(name, whole + data[: len(data) // 2])
        super().append(name, data)

    def remove(self, name: str) -> None:
        self._spend(name, self._files.get(name, b""))
        super().remove(name)

    def _spend(self, name: str, torn: bytes) -> None:
        self.changes += 1
        if self.left is not None:
            if self.left == 0:
                self._files[name] = torn
            if self.left <= 0:
                self.left = -1
                raise Died(name)
            self.left -= 1


def dying(profile: Profile | None, left: int | None) -> tuple[Profile, DyingShelf]:
    """The profile, or an empty one, in a program that makes `left` more changes to its files."""
    files = {}
    if profile is not None:
        shelf = profile._shelf
        assert isinstance(shelf, MemoryShelf)
        files = shelf._files
    made = DyingShelf(files, left)
    return Profile(made), made
