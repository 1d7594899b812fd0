"""What a device keeps: private, whole, for one process, and never believed when it is damaged."""

import stat
from pathlib import Path

import pytest

from etherapy.sdk.faults import NotEnrolled, ProfileDamaged, ProfileInUse, ProfileTooNew
from etherapy.sdk.keeping.kept import KeptItem, OwnItem, ThreadState
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session

THREAD = bytes(range(16))
ITEMS = [KeptItem(bytes([n]) * 88, b"item" * n, None) for n in range(3)]


def modes(place: Path) -> set[int]:
    return {stat.S_IMODE(one.stat().st_mode) for one in place.iterdir()}


def test_directory_and_files_are_for_their_owner_only(tmp_path: Path):
    place = tmp_path / "deep" / "profile"
    with Profile.open(place) as profile:
        profile.save()
        profile.save_thread(ThreadState(thread=THREAD))
        profile.add_items(THREAD, ITEMS)
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert modes(place) == {0o600}


def test_a_directory_that_was_open_to_others_is_closed(tmp_path: Path):
    tmp_path.chmod(0o755)
    with Profile.open(tmp_path):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_second_process_is_refused_until_the_first_has_closed(tmp_path: Path):
    with Profile.open(tmp_path), pytest.raises(ProfileInUse) as refused:
        Profile.open(tmp_path)
    assert "another process" in str(refused.value)
    Profile.open(tmp_path).close()


def test_what_was_saved_is_there_again(tmp_path: Path):
    with Profile.open(tmp_path) as profile:
        profile.kept.cursor = 7
        profile.kept.labels[THREAD] = "A."
        profile.save()
        own = {b"m" * 16: OwnItem(mid=b"m" * 16, attempts=[b"h" * 32], sealed=b"\xff\x00")}
        profile.save_thread(ThreadState(thread=THREAD, n=3, t=b"t" * 32, own=own))
        profile.add_items(THREAD, ITEMS[:1])
        profile.add_items(THREAD, ITEMS[1:])
    with Profile.open(tmp_path) as again:
        assert (again.kept.cursor, again.kept.labels) == (7, {THREAD: "A."})
        assert again.thread(THREAD) == ThreadState(thread=THREAD, n=3, t=b"t" * 32, own=own)
        assert again.thread_ids() == [THREAD]
        assert again.items(THREAD) == ITEMS


def test_an_item_that_a_crash_cut_off_is_left_out_for_good(tmp_path: Path):
    with Profile.open(tmp_path) as profile:
        profile.add_items(THREAD, ITEMS)
        file = tmp_path / f"{THREAD.hex()}.items"
        file.write_bytes(file.read_bytes()[:-20])
        assert profile.items(THREAD) == ITEMS[:2]
        profile.add_items(THREAD, ITEMS[2:])
        assert profile.items(THREAD) == ITEMS


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path):
    with Profile.open(tmp_path) as profile:
        profile.kept.cursor = 1
        profile.save()
        (tmp_path / "profile.json.new").write_bytes(b'{"format":1,"cur')
    with Profile.open(tmp_path) as again:
        assert again.kept.cursor == 1


def test_a_crash_while_a_thread_is_written_leaves_the_other_threads_alone(tmp_path: Path):
    with Profile.open(tmp_path) as profile:
        profile.save_thread(ThreadState(thread=THREAD))
        (tmp_path / f"{THREAD.hex()}.thread.new").write_bytes(b'{"thread":"')
        (tmp_path / f"{bytes(16).hex()}.thread.new").write_bytes(b'{"thread":"')
        assert profile.thread_ids() == [THREAD]


def test_a_wipe_that_was_stopped_is_finished_when_the_profile_is_opened_again(tmp_path: Path):
    with Profile.open(tmp_path) as profile:
        profile.save_thread(ThreadState(thread=THREAD, secrets={bytes(32): b"secret" * 5}))
        profile.kept.identity, profile.kept.ended = None, "taken out"
        profile.save()  # the first thing that a wipe does
        (tmp_path / f"{THREAD.hex()}.thread.new").write_bytes(b"secret")
    with Profile.open(tmp_path) as again:
        assert again.thread_ids() == [] and again.kept.ended == "taken out"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["lock", "profile.json"]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"cursor": "x"}', b"\xff\xfe"])
def test_a_damaged_profile_is_said_to_be_damaged(tmp_path: Path, data: bytes):
    (tmp_path / "profile.json").write_bytes(data)
    with pytest.raises(ProfileDamaged):
        Profile.open(tmp_path)
    with pytest.raises(ProfileDamaged):  # and it was let go of
        Profile.open(tmp_path)


@pytest.mark.parametrize("data", [b'{"format": 2}', b'{"format": 2, "cursor": "changed"}'])
def test_a_profile_of_a_newer_release_is_not_touched(tmp_path: Path, data: bytes):
    (tmp_path / "profile.json").write_bytes(data)
    with pytest.raises(ProfileTooNew):
        Profile.open(tmp_path)
    assert (tmp_path / "profile.json").read_bytes() == data


async def test_an_empty_profile_opens_no_session():
    with pytest.raises(NotEnrolled) as refused:
        await Session.open(Profile.in_memory())
    assert "join by an invitation" in str(refused.value)
