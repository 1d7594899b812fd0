"""The golden vectors: what an implementation in any language must read, write and refuse (AT-77)."""

import hashlib
import hmac
import json
import struct
import unicodedata
from typing import Any

import pytest
from argon2.low_level import Type, hash_secret_raw

from etherapy.crypto.recovery import RecoveryCode
from etherapy.crypto.sealing import XWingKey
from etherapy.signing import verify
from etherapy.tep import cbor, xwing
from etherapy.tep.chain import verify_chain
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import verify_receipt
from etherapy.tep.roster import RosterRow, is_narrower, row_now
from tests.tep import vectors
from tests.tep.golden import FOLDER


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["cases"]
    return found


def of(case: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(case[name])


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


@pytest.mark.parametrize("name", sorted(vectors.FILES))
def test_writing_the_vectors_again_changes_nothing(name):
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == vectors.document(name)


def test_there_is_no_file_without_a_writer():
    assert {one.stem for one in FOLDER.glob("*.json")} == set(vectors.FILES)


def test_cbor_is_accepted_and_refused_as_the_vectors_say():
    """AT-02, AT-04."""
    for case in cases("cbor"):
        data = of(case, "data")
        if case["verdict"] == "accept":
            assert cbor.encode(cbor.decode(data, limit=100)) == data
        else:
            with pytest.raises(Malformed):
                cbor.decode(data, limit=100)


def test_envelopes_open_by_the_text_of_the_specification_alone():
    """Everything below the AEAD is recomputed with struct, hashlib and hmac."""
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt

    epoch = cases("epoch")[0]
    for case in cases("envelope"):
        whole, fields = of(case, "envelope"), case["header"]
        header, sig, ct = whole[:152], whole[152:216], whole[216:]
        assert header == struct.pack(
            ">4B2H16sII16s16s24s32s32s",
            *(1, 0x45, 1, fields["service_class"], int(fields["urgent"]), 0, of(fields, "thread")),
            *(fields["epoch"], len(ct), of(fields, "device"), of(fields, "mid"), of(fields, "nonce")),
            *(of(fields, "com"), of(epoch, "commit_hash")),
        )
        assert verify(of(case, "sign_pk"), b"tep1:env\0" + sha(header) + sha(ct), sig)
        assert of(case, "item_hash") == sha(b"tep1:env-hash\0", sha(header), sha(ct), sig)
        prk = hmac.digest(of(epoch, "core_hash"), of(epoch, "secret"), "sha256")
        info = b"tep1:msg\0" + of(fields, "device") + of(fields, "mid")
        key = hmac.digest(prk, info + b"\1", "sha256")
        plain = decrypt(ct, b"tep1:aad\0" + header, of(fields, "nonce"), key)
        length = int.from_bytes(plain[32:36], "big")
        assert plain[36 : 36 + length] == of(case, "payload")
        assert not any(plain[36 + length :])
        assert of(fields, "com") == hmac.digest(plain[:32], b"tep1:com\0" + plain[36 : 36 + length], "sha256")


def test_commits_are_named_signed_and_sealed_by_the_text_of_the_specification_alone():
    case = cases("epoch")[0]
    core, sealed, sig = cbor.decode(of(case, "commit"), limit=98_304).values()
    assert of(case, "commit_hash") == sha(b"tep1:epoch-hash\0", sha(core), sha(sealed), sig)
    assert verify(of(case, "committer_pk"), b"tep1:epoch\0" + sha(core) + sha(sealed), sig)
    fields = cbor.decode(core, limit=98_304)
    expected = hmac.digest(
        of(case, "secret"), b"tep1:escom\0" + fields[2] + fields[3].to_bytes(8, "big") + fields[4], "sha256"
    )
    assert fields[8] == expected == of(case, "es_com")
    rows = dict(cbor.decode(sealed, limit=98_304))
    assert sorted(rows) == list(rows) == sorted(of(one, "device_id") for one in case["readers"])
    for reader in case["readers"]:
        key = XWingKey(of(reader, "stored_keys")[32:])
        device = of(reader, "device_id")
        assert key.open(rows[device], b"tep1:es\0" + sha(core) + device) == of(case, "secret")


def test_the_running_hash_of_a_thread_is_that_of_the_specification():
    first, *entries = cases("placing")
    t = sha(b"tep1:tlog0\0", of(first, "thread"), of(first, "home"))
    assert t == of(first, "t0")
    for case in entries:
        fields = case["entry"]
        data = struct.pack(
            ">4BIQQ32s32s",
            *(1, fields["item_type"], fields["reason"], 0, fields["generation"], fields["n"]),
            *(fields["placed_at"], of(fields, "item_hash"), of(fields, "promise_hash")),
        )
        t = sha(b"tep1:tlog\0", t, data)
        assert (data, t) == (of(case, "bytes"), of(case, "t"))


def test_receipts_verify_and_promises_are_laid_out_as_specified():
    key, promise, *_ = cases("receipts")
    known = {of(key, "key_id"): (of(key, "public"), key["from"], key["until"])}
    for case in cases("receipts")[1:]:
        for receipt in case.get("receipts", [case.get("receipt")]):
            verify_receipt(bytes.fromhex(receipt), known)
    fields = promise["statement"]
    assert of(promise, "core") == struct.pack(
        ">4BI16s16s32sQII32sQQQQ8s32s",
        *(1, 0x50, fields["decision"], fields["rev"], fields["generation"], of(fields, "thread")),
        *(of(fields, "mid"), of(fields, "item_hash"), fields["n_acc"], fields["epoch"], fields["rules_rev"]),
        *(of(fields, "rules_hash"), fields["accepted_at"], fields["counted_from"], fields["release_at"]),
        *(fields["reply_by"], of(fields, "key_id"), of(fields, "previous")),
    )
    assert of(key, "promise_hash") == sha(b"tep1:promise\0", of(promise, "core"))
    receipt = of(promise, "receipt")
    leaf = sha(b"\0tep1:receipt-leaf\0", receipt[:192])
    assert verify(of(key, "public"), b"tep1:receipt\0" + of(key, "key_id") + b"\0" + leaf, receipt[192:256])


def test_chains_end_in_the_recorded_state():
    for case in cases("chain"):
        links = [bytes.fromhex(one) for one in case["links"]]
        chain = verify_chain(links)
        assert [sha(b"tep1:chain-hash\0", one) for one in links] == list(chain.hashes)
        assert chain.chain_id == of(case, "chain_id") == chain.hashes[0]
        for device in case["devices"]:
            found = chain.devices[of(device, "device_id")]
            assert (found.active, found.device_class) == (device["active"], device["class"])
            assert found.device_id == sha(b"tep1:dev\0", found.sign_pk)[:16]


def test_consents_and_leaves_are_named_and_signed_by_the_text_of_the_specification_alone():
    [case] = cases("consent")
    core, signatures = cbor.decode(of(case, "signed"), limit=1024).values()
    assert core == of(case, "core")
    assert of(case, "hash") == sha(b"tep1:consent-hash\0", core)
    for public, sig in zip(case["signers"], signatures, strict=True):
        assert verify(bytes.fromhex(public), b"tep1:consent\0" + sha(core), sig)
    fields, terms = cbor.decode(core, limit=1024), case["consent"]
    assert [fields[key] for key in range(9)] == [
        *(1, of(terms, "thread"), of(terms, "newcomer"), terms["role"], terms["history"]),
        *(terms["since"], terms["until"], of(terms, "nonce"), of(terms, "home")),
    ]
    [case] = cases("leave")
    core, [sig] = cbor.decode(of(case, "bytes"), limit=512).values()
    assert of(case, "hash") == sha(b"tep1:leave-hash\0", core)
    assert verify(of(case, "sign_pk"), b"tep1:leave\0" + sha(core), sig)
    fields, said = cbor.decode(core, limit=512), case["leave"]
    assert [fields[key] for key in range(7)] == [
        *(1, of(said, "thread"), of(said, "chain"), of(said, "device"), said["at"]),
        *(of(said, "nonce"), of(said, "home")),
    ]


def test_grants_open_by_the_text_of_the_specification_alone():
    [case] = cases("grant")
    core, blob, sig = cbor.decode(of(case, "grant"), limit=65_536).values()
    assert verify(of(case, "giver_pk"), b"tep1:grant\0" + sha(core) + sha(blob), sig)
    assert of(case, "grant_hash") == sha(b"tep1:grant-hash\0", of(case, "grant"))
    key = XWingKey(of(case, "receiver_keys")[32:])
    inside = cbor.decode(key.open(blob, b"tep1:grant\0" + sha(core)), limit=65_536)
    assert {str(epoch): secret.hex() for epoch, secret in inside} == case["secrets"]
    fields, said = cbor.decode(core, limit=65_536), case["core"]
    assert [fields[key] for key in range(6)] == [
        *(1, of(said, "thread"), of(said, "giver"), of(said, "receiver"), said["epochs"], of(said, "nonce")),
    ]


def test_device_codes_and_confirmations_follow_from_the_text_of_the_specification_alone():
    for case in cases("pairing"):
        keys = bytes([case["class"]]) + of(case, "sign_pk") + of(case, "hpke_pk")
        name = sha(b"tep1:link-request\0", keys)
        assert name == of(case, "request_hash")
        bits = f"{int.from_bytes(name, 'big'):0256b}"[:100]
        plain = "".join(
            "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[at : at + 5], 2)] for at in range(0, 100, 5)
        )
        assert case["typed"] == "-".join(plain[at : at + 4] for at in range(0, 20, 4))
        assert of(case, "code") == int(bits + "0000", 2).to_bytes(13, "big")
        assert of(case, "lookup_id") == sha(b"tep1:link-lookup\0", of(case, "code"))[:16]
        root = hmac.digest(b"tep1:link", of(case, "secret"), "sha256")
        key = hmac.digest(root, b"tep1:link-confirm\0\1", "sha256")
        message = b"tep1:link\0" + sha(of(case, "core"))
        assert of(case, "confirmation") == hmac.digest(key, message, "sha256")


def test_passphrases_become_the_recorded_bytes_by_another_argon2():
    pinned, *made = cases("passphrase")
    for case in made:
        said = unicodedata.normalize("NFKC", case["passphrase"]).encode()
        work = (pinned["passes"], pinned["memory_kib"], pinned["lanes"])
        slow = hash_secret_raw(said, of(case, "salt"), *work, 32, Type.ID)
        info = b"tep1:login\0" + case["origin"].encode() + b"\0" + case["folded"].encode()
        assert of(case, "auth") == hmac.digest(slow, info + b"\1", "sha256")


def test_rows_may_follow_each_other_as_the_vectors_say():
    """AT-76."""
    first, *rows = cases("narrowing")
    chain = verify_chain([bytes.fromhex(one) for one in first["links"]])
    for case in rows:
        old, new = (read_row(case[name]) for name in ("before", "after"))
        author, client, owner = of(case, "author"), of(first, "client"), of(first, "owner")
        may = case["reason"] == 11 and author in (client, owner)
        allowed = new == row_now(chain, 1, old) or (
            may and is_narrower(new, chain, None if author == owner else old)
        )
        assert allowed is case["allowed"]


def read_row(shown: dict[str, Any]) -> RosterRow:
    devices = tuple((bytes.fromhex(one), bytes.fromhex(key)) for one, key in shown["devices"])
    return RosterRow(
        of(shown, "chain_id"), shown["role"], shown["chain_seq"], of(shown, "chain_head"), devices
    )


def test_x_wing_keys_come_from_seeds_and_are_judged_alike_everywhere():
    """AT-96."""
    for case in cases("xwing"):
        assert xwing.well_formed(of(case, "public")) is case["well_formed"]
        if "seed" in case:
            assert XWingKey(of(case, "seed")).public == of(case, "public")


def test_recovery_codes_give_the_recorded_devices():
    for case in cases("recovery"):
        keys = RecoveryCode.parse(case["code"]).keys()
        assert (keys.sign.public, keys.hpke.public) == (of(case, "sign_pk"), of(case, "hpke_pk"))


def test_hkdf_gives_the_keys_of_rfc_5869():
    first, third = cases("derivation")
    assert first["prk"] == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    assert first["okm"] == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    assert third["okm"] == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )
