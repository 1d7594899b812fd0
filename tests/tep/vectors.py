"""The golden vectors of TEP/1: one JSON file per format, for implementations in any language.

`python -m tests.tep.vectors` writes them; the tests check them and that writing them again changes nothing.
Binary fields are hex. HPKE is random, so the sealed rows of the recorded epoch are kept and opened.
"""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from etherapy.crypto.derivation import expand, extract
from etherapy.crypto.epochs import new_epoch, open_epoch, secret_commitment
from etherapy.crypto.invitation import invitation_keys, staff_keys
from etherapy.crypto.messages import message_key, open_message, seal_message
from etherapy.crypto.recovery import RecoveryCode
from etherapy.crypto.safety import half, safety_number
from etherapy.crypto.sealing import XWingKey
from etherapy.signing import SigningKey
from etherapy.tep import (
    cbor,
    charter,
    epoch,
    invite,
    leaves,
    linking,
    recall,
    rulesheet,
    serverkeys,
)
from etherapy.tep.chain import verify_chain
from etherapy.tep.envelope import PADDED_SIZES, padded_size, parse_envelope
from etherapy.tep.labels import digest
from etherapy.tep.login import challenge_bytes
from etherapy.tep.payload import Attachment, Kind, Payload, View
from etherapy.tep.placing import Entry, thread_next, thread_start
from etherapy.tep.receipts import (
    Head,
    LinkPromise,
    Promise,
    Status,
    promise_hash,
    sign_receipt,
    sign_receipts,
)
from etherapy.tep.signed import pack_signed
from tests.tep import vectors_people
from tests.tep.golden import FOLDER, shown
from tests.tep.world import NOW, PRACTICE, THREAD, Dice, person, server, text


def cbor_file() -> list[dict[str, Any]]:
    values = [
        0,
        23,
        24,
        255,
        256,
        65535,
        65536,
        2**32,
        2**64 - 1,
        b"",
        b"\0" * 24,
        "",
        "é",
        True,
        False,
        None,
    ]
    nested = [[], {}, {0: 1, 23: [1, "a", b"b"]}, [[[[[[[[]]]]]]]]]
    accept = [{"verdict": "accept", "data": cbor.encode(one).hex()} for one in (*values, *nested)]
    bad = {
        "long integer": "1801",
        "duplicate key": "a200000001",
        "unsorted keys": "a201000000",
        "indefinite array": "9f01ff",
        "indefinite bytes": "5f41aaff",
        "trailing byte": "0000",
        "key above 23": "a1181800",
        "negative key": "a12000",
        "text key": "a1616100",
        "negative integer": "20",
        "tag": "c000",
        "float": "f97e00",
        "undefined": "f7",
        "invalid text": "61ff",
        "nine levels": "81" * 9 + "00",
        "truncated": "42aa",
    }
    return accept + [{"verdict": "refuse", "why": why, "data": data} for why, data in bad.items()]


def signatures_file() -> list[dict[str, Any]]:
    key = SigningKey(bytes(32))
    sig = key.sign(b"message")
    more = (int.from_bytes(sig[32:], "little") + 2**252 + 27742317777372353535851937790883648493).to_bytes(
        32, "little"
    )
    identity, odd = b"\x01" + bytes(31), b"\x01" + bytes(30) + b"\x80"
    rows: list[tuple[str, bytes, bytes, bytes, bool]] = [
        ("honest", key.public, b"message", sig, True),
        ("S + L", key.public, b"message", sig[:32] + more, False),
        ("identity key, S = 0", identity, b"message", identity + bytes(32), False),
        ("identity key, S = 0, another message", identity, b"", identity + bytes(32), False),
        ("identity key in another encoding", odd, b"message", odd + bytes(32), False),
        ("identity key in another encoding, R canonical", odd, b"message", identity + bytes(32), False),
        ("another message", key.public, b"massage", sig, False),
        ("short signature", key.public, b"message", sig[:63], False),
    ]
    names = ("name", "public", "message", "signature", "valid")
    return [dict(zip(names, (shown(one) for one in row), strict=True)) for row in rows]


def padding_file() -> list[dict[str, Any]]:
    lengths = [0, 1, 219, 220, 221, 222, 255, 476, 477, 1000, 4000, 60_000, 61_440]
    sizes = [{"payload": one, "padded": padded_size(one)} for one in lengths]
    return [{"table": sorted(PADDED_SIZES)}, *sizes]


def chain_file() -> list[dict[str, Any]]:
    dice, someone = Dice("chain vectors"), person("chain vectors")
    laptop = someone.add()
    someone.links.append(
        linking.rotate_key(someone.chain, laptop.sign, laptop.rotated(dice).hpke.public, NOW + 5)
    )
    recovery = someone.code.keys()
    someone.links.append(linking.announce_recovery(someone.chain, laptop.sign, recovery.device_id, NOW + 6))
    fresh = RecoveryCode.generate(dice).keys()
    announced = someone.chain.head
    someone.links.append(
        linking.complete_recovery(
            someone.chain, laptop.sign, announced, fresh.sign, fresh.hpke.public, NOW + 7
        )
    )
    someone.links.append(linking.revoke_device(someone.chain, fresh.sign, someone.keys.device_id, NOW + 8))
    someone.links.append(linking.close_chain(someone.chain, laptop.sign, NOW + 9))
    chain = verify_chain(someone.links)
    states = [
        {
            "device_id": one.device_id,
            "class": one.device_class,
            "active": one.active,
            "hpke_hash": one.hpke_hash,
        }
        for one in sorted(chain.devices.values(), key=lambda one: one.device_id)
    ]
    return [
        {
            "links": shown(someone.links),
            "link_hashes": shown(chain.hashes),
            "chain_id": chain.chain_id.hex(),
            "devices": shown(states),
            "closed": chain.closed,
        }
    ]


def recorded_epoch() -> tuple[bytes, bytes]:
    """The one commit of the vectors and its secret. Made anew only when its core would be another."""
    client, therapist = person("client"), person("therapist")
    home = serverkeys.home(server().keys.server_id, PRACTICE)
    whole, secret = new_epoch(
        [(client.chain, 1), (therapist.chain, 2)],
        therapist.keys,
        thread=THREAD,
        epoch=0,
        reason=1,
        charter_hash=charter.charter_hash(the_charter()),
        view=(0, thread_start(THREAD, home)),
        home=home,
        random=Dice("epoch secret"),
    )
    file = FOLDER / "epoch.json"
    if file.exists():
        kept = bytes.fromhex(json.loads(file.read_text())["cases"][0]["commit"])
        if epoch.parse_commit(kept).core_bytes == epoch.parse_commit(whole).core_bytes:
            return kept, secret
    return whole, secret


def epoch_file() -> list[dict[str, Any]]:
    whole, secret = recorded_epoch()
    commit, core = epoch.parse_commit(whole), epoch.parse_commit(whole).core
    readers = [person("client").keys, person("client").code.keys()]
    readers += [person("therapist").keys, person("therapist").code.keys()]
    assert all(open_epoch(commit, one) == secret for one in readers)
    return [
        {
            "commit": whole.hex(),
            "core": shown(core),
            "commit_hash": commit.commit_hash.hex(),
            "core_hash": commit.core_hash.hex(),
            "secret": secret.hex(),
            "es_com": secret_commitment(secret, core.thread, core.epoch, core.prev).hex(),
            "committer_pk": person("therapist").keys.sign.public.hex(),
            "readers": [
                {"device_id": one.device_id.hex(), "stored_keys": one.stored().hex()} for one in readers
            ],
        }
    ]


def envelope_file() -> list[dict[str, Any]]:
    whole, secret = recorded_epoch()
    commit, keys = epoch.parse_commit(whole), person("client").keys
    cases = []
    for body, service_class, urgent in (
        ("", 1, False),
        ("Good evening, and thank you.", 1, True),
        ("x" * 1000, 4, False),
    ):
        sealed = seal_message(
            text(body),
            secret=secret,
            commit=commit,
            key=keys.sign,
            service_class=service_class,
            urgent=urgent,
            random=Dice("envelope " + body),
        )
        found, opened = parse_envelope(sealed), open_message(sealed, secret, commit)
        cases.append(
            {
                "envelope": sealed.hex(),
                "header": shown(found.header),
                "header_hash": found.header_hash.hex(),
                "ct_hash": found.ct_hash.hex(),
                "item_hash": found.item_hash.hex(),
                "sign_pk": keys.sign.public.hex(),
                "message_key": message_key(secret, commit, found.header.device, found.header.mid).hex(),
                "kf": opened.kf.hex(),
                "payload": opened.payload_bytes.hex(),
            }
        )
    return cases


def receipts_file() -> list[dict[str, Any]]:
    keys, dice = server(), Dice("receipts")
    item, cause, kid = digest("env-hash", b"item"), digest("recall-hash", b"cause"), keys.key_id
    promise = Promise(
        2, 0, 1, THREAD, dice(16), item, 7, 3, 2, dice(32), NOW, NOW, NOW + 9000, NOW + 99_000, kid
    )
    later = Promise(
        2,
        1,
        1,
        THREAD,
        promise.mid,
        item,
        7,
        3,
        3,
        dice(32),
        NOW,
        NOW,
        NOW + 8000,
        0,
        kid,
        promise_hash(promise),
    )
    head = Head(1, THREAD, 9, dice(32), NOW + 10_000, kid)
    held = Status(2, 0, 1, THREAD, promise.mid, item, bytes(32), NOW + 5, kid)
    recalled = Status(3, 1, 1, THREAD, promise.mid, item, cause, NOW + 6, kid)
    link = LinkPromise(1, 1, PRACTICE, dice(32), NOW, NOW + 600_000, kid)
    alone = [
        {
            "type": type(one).__name__,
            "statement": shown(one),
            "core": one.pack().hex(),
            "receipt": sign_receipt(one, keys.receipts, kid).hex(),
        }
        for one in (promise, later, head, held, recalled, link)
    ]
    batch = [
        {
            "type": "batch",
            "d": d,
            "receipts": shown(sign_receipts([promise, held, link], keys.receipts, kid, d, dice)),
        }
        for d in (2, 4)
    ]
    key = {
        "key_id": kid.hex(),
        "public": keys.receipts.public.hex(),
        "from": NOW - 1000,
        "until": NOW + 10**9,
    }
    return [{"type": "key", **key, "promise_hash": promise_hash(promise).hex()}, *alone, *batch]


def placing_file() -> list[dict[str, Any]]:
    dice, home = Dice("placing"), serverkeys.home(server().keys.server_id, PRACTICE)
    t = thread_start(THREAD, home)
    cases: list[dict[str, Any]] = [{"thread": THREAD.hex(), "home": home.hex(), "t0": t.hex()}]
    for n, (item_type, reason) in enumerate([(5, 0), (2, 0), (1, 1), (1, 2), (1, 6), (2, 9)], start=1):
        named = dice(32) if item_type == 1 else bytes(32)
        entry = Entry(item_type, reason, 1, n, NOW + n, dice(32), named)
        t = thread_next(t, entry)
        cases.append({"entry": shown(entry), "bytes": entry.pack().hex(), "t": t.hex()})
    return cases


def recall_file() -> list[dict[str, Any]]:
    dice, key = Dice("recall"), SigningKey(Dice("recall key")(32))
    cases = []
    for mode, new in ((1, bytes(32)), (2, dice(32))):
        made = recall.Recall(mode, THREAD, dice(16), dice(16), dice(32), new, NOW)
        whole = recall.sign_recall(made, key)
        name = recall.recall_hash(whole).hex()
        cases.append({"recall": shown(made), "bytes": whole.hex(), "hash": name, "sign_pk": key.public.hex()})
    return cases


def the_charter() -> bytes:
    """The charter of the thread of the vectors."""
    return charter.Charter(
        home=serverkeys.home(server().keys.server_id, PRACTICE),
        thread=THREAD,
        version=1,
        previous=bytes(32),
        owner=person("therapist").chain.chain_id,
        retention_days=3650,
        backup_days=35,
        may_erase={1: 1, 2: 7},
        agreement_hash=charter.agreement_hash("We write to each other during the week."),
        nonce=Dice("charter")(16),
    ).pack()


def charter_file() -> list[dict[str, Any]]:
    data, parties = the_charter(), [person("therapist"), person("client")]
    signed = pack_signed(data, [charter.sign_charter(data, one.keys.sign) for one in parties])
    return [
        {
            "charter": data.hex(),
            "fields": shown(charter.parse_charter(data)),
            "hash": charter.charter_hash(data).hex(),
            "signed": signed.hex(),
            "signers": [one.keys.sign.public.hex() for one in parties],
        }
    ]


def rulesheet_file() -> list[dict[str, Any]]:
    previous, cases = bytes(32), []
    for r in (1, 2):
        shared = f'{{"sheet":{r}}}'.encode()
        members = sorted(
            (person(name).chain.chain_id, rulesheet.member_part_hash(Dice(name)(16), b"{}"))
            for name in ("client", "therapist")
        )
        made = rulesheet.RuleSheet(
            THREAD, r, previous, NOW + r, rulesheet.shared_part_hash(shared), tuple(members)
        )
        data = made.pack()
        previous = rulesheet.rules_hash(data)
        cases.append(
            {"sheet": shown(made), "shared": shared.hex(), "bytes": data.hex(), "hash": previous.hex()}
        )
    return cases


def serverkeys_file() -> list[dict[str, Any]]:
    first, dice = server(), Dice("server rotation")
    old = first.keys.keys[first.key_id]
    fresh, root = SigningKey(dice(32)), SigningKey(dice(32))
    rotated = [
        serverkeys.ServerKey.of(old.public, old.use, old.since, NOW + 700_000),
        serverkeys.ServerKey.of(fresh.public, 1, NOW + 600_000, NOW + 10**10),
        serverkeys.ServerKey.of(SigningKey(dice(32)).public, 2, NOW, NOW + 10**10),
    ]
    first.links.append(serverkeys.next_server_link(first.keys, first.root, rotated))
    first.links.append(serverkeys.next_server_link(first.keys, first.root, rotated[1:], root))
    known = first.keys
    return [
        {
            "links": shown(first.links),
            "link_hashes": shown(known.hashes),
            "server_id": known.server_id.hex(),
            "root_pk": known.root_pk.hex(),
            "keys": shown(sorted(known.keys.values(), key=lambda one: one.key_id)),
            "practice": PRACTICE.hex(),
            "home": serverkeys.home(known.server_id, PRACTICE).hex(),
        }
    ]


def invite_file() -> list[dict[str, Any]]:
    secret, dice = Dice("invitation")(16), Dice("invite")
    keys, staff = invitation_keys(secret), staff_keys(secret)
    therapist, client = person("therapist").chain, person("client").chain
    made = invite.Invite(
        server_id=server().keys.server_id,
        practice=PRACTICE,
        thread=THREAD,
        therapist=therapist.chain_id,
        therapist_seq=therapist.seq,
        therapist_head=therapist.head,
        keys_size=4,
        keys_root=dice(32),
        role=1,
        charter_hash=charter.charter_hash(the_charter()),
        invite_pk=keys.signing.public,
        expires_at=NOW + invite.LINK_LIFE_MS,
        nonce=dice(16),
    )
    whole = invite.sign_invite(made, person("therapist").keys.sign)
    name = invite.parse_invite(whole).invite_hash
    answer = invite.InviteAccept(name, client.chain_id, client.seq, client.head, dice(16))
    accepted = invite.sign_accept(answer, person("client").keys.sign, keys.signing)
    enrolled = staff.signing.sign(invite.staff_accept_bytes(client.hashes[0]))
    return [
        {
            "secret": secret.hex(),
            "lookup_id": keys.lookup_id.hex(),
            "invite_key_seed": keys.signing.seed.hex(),
            "invite": shown(made),
            "bytes": whole.hex(),
            "hash": name.hex(),
            "link": invite.LinkText(False, name, secret).text(),
            "accept": shown(answer),
            "accept_bytes": accepted.hex(),
            "accept_hash": invite.parse_accept(accepted).accept_hash.hex(),
        },
        {
            "staff_link": invite.LinkText(True, server().keys.server_id, secret).text(),
            "staff_lookup_id": staff.lookup_id.hex(),
            "staff_key_seed": staff.signing.seed.hex(),
            "link0_hash": client.hashes[0].hex(),
            "staff_accept": enrolled.hex(),
        },
    ]


def payload_file() -> list[dict[str, Any]]:
    dice = Dice("payload")
    view = View(9, dice(32), 2, dice(32), 40, dice(32), (dice(32), dice(32)))
    file = Attachment(dice(16), dice(32), dice(24), 70_000, dice(32), "image/png", "drawing.png")
    made = [
        Payload(Kind.TEXT, "Grüße", NOW, view, dice(16), (), "de"),
        Payload(Kind.ATTACHMENTS, "see this", NOW, View(0, bytes(32), 1, dice(32)), None, (file,)),
        Payload(Kind.CHECK_IN, {0: "mood", 1: [3, 4]}, NOW, View(1, dice(32), 1, dice(32))),
        Payload(Kind.NOTICE, "new server key", NOW),
        Payload(77, "", 0, raw={0: 77, 9: [b"from a newer app"]}),
    ]
    return [{"payload": shown(one), "bytes": one.pack().hex()} for one in made]


def login_file() -> list[dict[str, Any]]:
    key, origin, nonce = SigningKey(bytes(32)), "https://therapy.example:8443", Dice("login")(32)
    data = challenge_bytes(origin, nonce, NOW)
    case = {"origin": origin, "nonce": nonce, "at": NOW, "bytes": data, "sign_pk": key.public}
    return [shown({**case, "signature": key.sign(data)})]


def leaves_file() -> list[dict[str, Any]]:
    dice, day = Dice("leaves"), date(2026, 6, 2)
    records = [(dice(32), f"record {n}".encode()) for n in range(5)]
    made = {
        "chain link": leaves.chain_link_leaf(dice(16), dice(32), 3, dice(32)),
        "server link": leaves.server_link_leaf(dice(32), 1, dice(32)),
        "restore": leaves.restore_leaf(dice(32)),
        "audit": leaves.audit_leaf(*records[0]),
        "day": leaves.day_leaf(day, records),
        "empty day": leaves.day_leaf(day, []),
    }
    cases = [
        {"leaf": name, "data": one.hex(), "hash": leaves.leaf_hash(one).hex()} for name, one in made.items()
    ]
    return [{"date": day.isoformat(), "records": shown(records)}, *cases]


def recovery_file() -> list[dict[str, Any]]:
    cases = []
    for secret in (bytes(16), bytes(range(16)), b"\xff" * 16, Dice("recovery")(16)):
        code = RecoveryCode(secret)
        keys = code.keys()
        case = {
            "secret": secret,
            "code": code.text(),
            "sign_pk": keys.sign.public,
            "hpke_pk": keys.hpke.public,
        }
        cases.append(shown({**case, "device_id": keys.device_id}))
    return cases


def xwing_file() -> list[dict[str, Any]]:
    made = [XWingKey(seed) for seed in (bytes(32), Dice("xwing")(32))]
    cases = [{"seed": one.seed.hex(), "public": one.public.hex(), "well_formed": True} for one in made]
    good = made[0].public
    low = [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255]
    broken = [good[:1184] + one.to_bytes(32, "little") for one in low]
    broken += [b"\x01\x0d" + good[2:], good[:1149] + b"\xff\xff\xff" + good[1152:], good[:-1]]
    return cases + [{"public": one.hex(), "well_formed": False} for one in broken]


def safety_file() -> list[dict[str, Any]]:
    one, other = person("client").chain.chain_id, person("therapist").chain.chain_id
    case = {
        "chain_ids": [one, other],
        "halves": [half(one), half(other)],
        "number": safety_number(one, other),
    }
    return [shown(case)]


def derivation_file() -> list[dict[str, Any]]:
    """RFC 5869, test cases 1 and 3: what any HKDF gives."""
    info, salt = bytes(range(0xF0, 0xFA)), bytes(range(13))
    cases = [(salt, b"\x0b" * 22, info), (b"", b"\x0b" * 22, b"")]
    return [
        shown({"salt": s, "secret": k, "info": i, "prk": extract(s, k), "okm": expand(extract(s, k), i, 42)})
        for s, k, i in cases
    ]


FILES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "cbor": cbor_file,
    "chain": chain_file,
    "charter": charter_file,
    "consent": vectors_people.consent_file,
    "derivation": derivation_file,
    "envelope": envelope_file,
    "epoch": epoch_file,
    "grant": vectors_people.grant_file,
    "invite": invite_file,
    "leave": vectors_people.leave_file,
    "leaves": leaves_file,
    "login": login_file,
    "narrowing": vectors_people.narrowing_file,
    "padding": padding_file,
    "pairing": vectors_people.pairing_file,
    "passphrase": vectors_people.passphrase_file,
    "payload": payload_file,
    "placing": placing_file,
    "recall": recall_file,
    "receipts": receipts_file,
    "recovery": recovery_file,
    "rulesheet": rulesheet_file,
    "safety": safety_file,
    "serverkeys": serverkeys_file,
    "signatures": signatures_file,
    "xwing": xwing_file,
}


def document(name: str) -> str:
    """One file's text."""
    cases = FILES[name]()
    return json.dumps({"format": f"tep1 {name}", "cases": cases}, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sorted(FILES, key=lambda one: one != "epoch"):
        (FOLDER / f"{name}.json").write_text(document(name), encoding="utf-8")


if __name__ == "__main__":
    main()
