"""Epochs: a random secret, committed to in public, sealed to every device of the roster (tep.md §5.5)."""

import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from os import urandom
from types import MappingProxyType

from etherapy.crypto.derivation import authenticate
from etherapy.crypto.errors import NotForThisDevice, SecretMismatch
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.sealing import seal
from etherapy.tep.chain import Chain
from etherapy.tep.epoch import Commit, CommitCore, RosterRow, pack_sealed, row_now, sign_commit
from etherapy.tep.labels import label, plain_digest
from etherapy.tep.shape import ZEROS_32

SECRET_BYTES = 32
SUITE = 1


def new_epoch(
    members: Sequence[tuple[Chain, int]],
    keys: DeviceKeys,
    *,
    thread: bytes,
    epoch: int,
    reason: int,
    charter_hash: bytes,
    view: tuple[int, bytes],
    home: bytes,
    prev: bytes = ZEROS_32,
    consents: Sequence[bytes] = (),
    before: CommitCore | None = None,
    kept: Mapping[bytes, Collection[bytes]] = MappingProxyType({}),
    random: Callable[[int], bytes] = urandom,
) -> tuple[bytes, bytes]:
    """A commit by the device with `keys`, and its epoch secret (32 bytes).

    `members` are (verified chain, role) of every user; all their active devices get a row, except those that
    the epoch `before` left out of a chain that has not moved since. A narrowing says in `kept` which devices
    of a chain stay. `consents` are the hashes of key 12, in any order but for epoch 0. `prev` is the newest
    commit's hash, `view` (n, T_n) of what was placed. CannotSeal when one key cannot be sealed to: then
    nothing was made.
    """
    secret = random(SECRET_BYTES)
    rows = [_row(chain, role, before, kept.get(chain.chain_id)) for chain, role in members]
    core = CommitCore(
        suite=SUITE,
        thread=thread,
        epoch=epoch,
        prev=prev,
        committer=keys.device_id,
        reason=reason,
        roster=tuple(sorted(rows, key=lambda one: one.chain_id)),
        es_com=secret_commitment(secret, thread, epoch, prev),
        charter_hash=charter_hash,
        view=view,
        consents=tuple(sorted(consents) if epoch else consents),
        home=home,
    )
    core_hash = plain_digest(core.pack())
    known = {device.device_id: device.hpke_pk for chain, _ in members for device in chain.active()}
    sealed = {
        device: seal(known[device], row_info(core_hash, device), secret) for device in core.device_ids()
    }
    return sign_commit(core, pack_sealed(sealed), keys.sign), secret


def _row(chain: Chain, role: int, before: CommitCore | None, kept: Collection[bytes] | None) -> RosterRow:
    if kept is not None:
        return RosterRow.narrowed(chain, role, kept)
    return row_now(chain, role, before.user(chain.chain_id) if before else None)


def open_epoch(commit: Commit, keys: DeviceKeys) -> bytes:
    """The epoch secret, by this device's row. NotForThisDevice, RowBroken or SecretMismatch otherwise.

    The commit's signature and roster are judged before, by `tep.epoch_rules.check_roster`.
    """
    row = commit.sealed_rows.get(keys.device_id)
    if row is None:
        raise NotForThisDevice("this epoch was not sealed to this device")
    secret = keys.hpke.open(row, row_info(commit.core_hash, keys.device_id))
    check_secret(commit, secret)
    return secret


def check_secret(commit: Commit, secret: bytes) -> None:
    """SecretMismatch unless this is the secret the commit promised, be it from a row or granted."""
    core = commit.core
    expected = secret_commitment(secret, core.thread, core.epoch, core.prev)
    if len(secret) != SECRET_BYTES or not hmac.compare_digest(expected, core.es_com):
        raise SecretMismatch("the committer sealed another secret to this device than it committed to")


def secret_commitment(secret: bytes, thread: bytes, epoch: int, prev: bytes) -> bytes:
    """es_com: what everybody can check an epoch secret against."""
    return authenticate(secret, label("escom") + thread + epoch.to_bytes(8, "big") + prev)


def row_info(core_hash: bytes, device: bytes) -> bytes:
    """What binds a sealed row to its epoch and its device."""
    return label("es") + core_hash + device
