"""What a device keeps: keys, what it pinned, the highest it has seen, and what it still has to send.

A device that forgot any of this could be shown an older world. Everything is written before it is relied
upon; a file is replaced whole. Messages are kept as they came, sealed; texts are kept nowhere.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from etherapy.sdk.faults import NotEnrolled, ProfileDamaged, ProfileTooNew
from etherapy.sdk.keeping.kept import FORMAT, Identity, Kept, KeptItem, ThreadState
from etherapy.sdk.keeping.shelf import DirectoryShelf, MemoryShelf, Shelf

_PROFILE = "profile.json"

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Profile:
    """One person's device in one practice. Open it in one process at a time; close it, or use `with`.

        profile = Profile.open(Path("~/.local/share/etherapy/anna").expanduser())
        async with await Session.open(profile) as me: ...

    Raises ProfileInUse, ProfileDamaged or ProfileTooNew.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        data = shelf.read(_PROFILE)
        self._file = Kept() if data is None else _read(_PROFILE, data, Kept)
        self._threads: dict[bytes, ThreadState] = {}
        if self._file.ended:
            self._clear()  # a wipe that a crash stopped half-way

    @classmethod
    def open(cls, place: Path) -> Self:
        """The profile in a directory, made with mode 0700 if there is none."""
        shelf = DirectoryShelf(place)
        try:
            return cls(shelf)
        except BaseException:
            shelf.close()
            raise

    @classmethod
    def in_memory(cls) -> Self:
        """A profile that leaves nothing behind."""
        return cls(MemoryShelf())

    def close(self) -> None:
        """Let another process have it."""
        self._shelf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Profile({self._file.identity!r})"

    @property
    def enrolled(self) -> bool:
        """Whether this profile belongs to somebody for good."""
        return self._file.identity is not None and bool(self._file.identity.account)

    @property
    def identity(self) -> Identity:
        """Whose device this is; NotEnrolled if nobody's."""
        if self._file.identity is None:
            raise NotEnrolled("this profile is empty")
        return self._file.identity

    @property
    def kept(self) -> Kept:
        """What is kept for the person as a whole; `save` after a change."""
        return self._file

    def save(self) -> None:
        """Write what is kept for the person as a whole."""
        self._shelf.write(_PROFILE, msgspec.json.encode(self._file))

    def thread(self, thread: bytes) -> ThreadState | None:
        """What is kept of a thread; `save_thread` after a change."""
        if thread not in self._threads:
            data = self._shelf.read(_thread_file(thread))
            if data is None:
                return None
            self._threads[thread] = _read(_thread_file(thread), data, ThreadState)
        return self._threads[thread]

    def save_thread(self, state: ThreadState) -> None:
        """Write what is kept of a thread."""
        self._threads[state.thread] = state
        self._shelf.write(_thread_file(state.thread), msgspec.json.encode(state))

    def thread_ids(self) -> list[bytes]:
        """The threads this device knows."""
        return [
            bytes.fromhex(name.removesuffix(".thread"))
            for name in self._shelf.names()
            if name.endswith(".thread")  # not what a crash left beside one
        ]

    def items(self, thread: bytes) -> list[KeptItem]:
        """The placed items of a thread as they came; what a crash cut off is left out, to be fetched anew."""
        lines = (self._shelf.read(f"{thread.hex()}.items") or b"").split(b"\n")
        found: list[KeptItem] = []
        for line in lines[:-1]:
            try:
                found.append(msgspec.json.decode(line, type=KeptItem))
            except (msgspec.DecodeError, UnicodeDecodeError):
                break
        if b"".join(lines) and (lines[-1] or len(found) < len(lines) - 1):
            self._shelf.write(f"{thread.hex()}.items", _lines(found))
        return found

    def drop_items(self, thread: bytes) -> None:
        """Forget the kept items of a thread, to fetch them again."""
        self._shelf.write(f"{thread.hex()}.items", b"")

    def keep_only(self, thread: bytes, items: list[KeptItem]) -> list[KeptItem]:
        """From now on these items of a thread are kept, and no others."""
        self._shelf.write(f"{thread.hex()}.items", _lines(items))
        return items

    def add_items(self, thread: bytes, items: Iterable[KeptItem]) -> None:
        """Keep further placed items."""
        self._shelf.append(f"{thread.hex()}.items", _lines(items))

    def wipe(self, words: str) -> None:
        """Forget everything: keys, secrets, drafts, threads. `words` stay, to say why; then it is as new."""
        for state in self._threads.values():
            state.secrets.clear()  # a desk of this run may still hold them
            state.own.clear()
        self._threads.clear()
        self._file = Kept(ended=words)
        self.save()
        self._clear()

    def _clear(self) -> None:
        for name in self._shelf.names():
            if name != _PROFILE:
                self._shelf.remove(name)


def _lines(items: Iterable[KeptItem]) -> bytes:
    return b"".join(msgspec.json.encode(one) + b"\n" for one in items)


def _thread_file(thread: bytes) -> str:
    return f"{thread.hex()}.thread"


def _read(name: str, data: bytes, kind: type[_Struct]) -> _Struct:
    try:
        found = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        newer = _format_of(data)
        if newer is not None and newer > FORMAT:
            raise ProfileTooNew(f"this profile has format {newer}, this program knows {FORMAT}") from None
        raise ProfileDamaged(f"{name} of this profile is damaged") from None
    if isinstance(found, Kept) and found.format > FORMAT:
        raise ProfileTooNew(f"this profile has format {found.format}, this program knows {FORMAT}")
    return found


def _format_of(data: bytes) -> int | None:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    said = found.get("format") if isinstance(found, dict) else None
    return said if isinstance(said, int) else None
