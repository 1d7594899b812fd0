"""The golden vectors of how devices and people come and go: consents, leaves, grants, codes, narrowing."""

import json
from typing import Any

from etherapy.crypto.grants import make_grant, open_grant
from etherapy.crypto.pairing import confirmation
from etherapy.crypto.passphrase import PINNED, derive_auth
from etherapy.tep import consent, grant, leaving, pairing, serverkeys
from etherapy.tep.login import folded
from etherapy.tep.roster import RosterRow
from tests.tep.golden import FOLDER, shown
from tests.tep.world import NOW, PRACTICE, THREAD, Dice, person, server


def the_consent() -> bytes:
    """That a colleague stands in for the therapist of the vectors for two weeks."""
    cover, home = person("cover").chain.chain_id, serverkeys.home(server().keys.server_id, PRACTICE)
    until = NOW + 14 * 86_400_000
    return consent.Consent(THREAD, cover, 3, False, NOW, until, Dice("consent")(16), home).pack()


def consent_file() -> list[dict[str, Any]]:
    core, signers = the_consent(), [person("client"), person("therapist")]
    signatures = [consent.sign_consent(core, one.keys.sign) for one in signers]
    return [
        {
            "consent": shown(consent.parse_consent(core)),
            "core": core.hex(),
            "hash": consent.consent_hash(core).hex(),
            "signed": consent.pack_signed_consent(core, signatures).hex(),
            "signers": [one.keys.sign.public.hex() for one in signers],
        }
    ]


def leave_file() -> list[dict[str, Any]]:
    leaver, home = person("client"), serverkeys.home(server().keys.server_id, PRACTICE)
    place = (THREAD, leaver.chain.chain_id, leaver.keys.device_id)
    made = leaving.Leave(*place, NOW, Dice("leave")(16), home)
    whole = leaving.sign_leave(made, leaver.keys.sign)
    return [
        {
            "leave": shown(made),
            "bytes": whole.hex(),
            "hash": leaving.parse_leave(whole).leave_hash.hex(),
            "sign_pk": leaver.keys.sign.public.hex(),
        }
    ]


def recorded_grant() -> bytes:
    """The one grant of the vectors. Made anew only when its core would be another."""
    giver, receiver, dice = person("client").keys, person("therapist"), Dice("grant secrets")
    to = receiver.chain.devices[receiver.keys.device_id]
    whole = make_grant(THREAD, giver, to, {0: dice(32), 7: dice(32), 70_000: dice(32)}, Dice("grant"))
    file = FOLDER / "grant.json"
    if file.exists():
        kept = bytes.fromhex(json.loads(file.read_text())["cases"][0]["grant"])
        if grant.parse_grant(kept).core == grant.parse_grant(whole).core:
            return kept
    return whole


def grant_file() -> list[dict[str, Any]]:
    receiver = person("therapist").keys
    signed = grant.parse_grant(recorded_grant())
    return [
        {
            "grant": signed.whole.hex(),
            "core": shown(signed.grant),
            "core_hash": signed.core_hash.hex(),
            "grant_hash": signed.grant_hash.hex(),
            "giver_pk": person("client").keys.sign.public.hex(),
            "receiver_keys": receiver.stored().hex(),
            "secrets": shown(open_grant(signed, receiver)),
        }
    ]


def pairing_file() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = []
    for name, device_class in (("new phone", 1), ("new browser", 3)):
        keys, secret, core = person(name).keys, Dice(name + " secret")(16), Dice(name + " core")(200)
        found = pairing.request_hash(keys.sign.public, keys.hpke.public, device_class)
        code = pairing.code_of(found)
        case = {"sign_pk": keys.sign.public, "hpke_pk": keys.hpke.public, "class": device_class}
        case |= {"request_hash": found, "typed": pairing.link_code(found), "code": code}
        case |= {"lookup_id": pairing.lookup_id(code), "secret": secret, "core": core}
        cases.append(shown({**case, "confirmation": confirmation(secret, core)}))
    return cases


def passphrase_file() -> list[dict[str, Any]]:
    origin, cases = "https://therapy.example", []
    for said, name in (
        ("correct horse battery", "ada"),
        ("Cafe\u0301 \ufb01n", "  ADA  Lovelace "),
        ("x", "Straße"),
    ):
        salt = Dice(said)(16)
        case = {"passphrase": said, "name": name, "folded": folded(name), "origin": origin, "salt": salt}
        cases.append(shown({**case, "auth": derive_auth(said, salt, origin, name)}))
    pinned = {"memory_kib": PINNED.memory_kib, "passes": PINNED.passes, "lanes": PINNED.lanes}
    return [pinned, *cases]


def narrowing_file() -> list[dict[str, Any]]:
    """Rows that may and may not follow a row while the chain stands, and when it has moved on."""
    client, owner = person("client"), person("therapist").chain.chain_id
    laptop = client.add()
    chain, recovery = client.chain, client.code.keys().device_id
    whole = RosterRow.of(chain, 1)
    lost = RosterRow.narrowed(chain, 1, [client.keys.device_id, recovery])
    other = RosterRow.narrowed(chain, 1, [laptop.device_id, recovery])
    no_recovery = RosterRow.narrowed(chain, 1, [client.keys.device_id, laptop.device_id])
    only_recovery = RosterRow.narrowed(chain, 1, [recovery])
    cases: list[dict[str, Any]] = [
        {"links": shown(client.links), "owner": owner.hex(), "client": whole.chain_id.hex()}
    ]
    for before, after, author, reason, verdict in (
        (whole, whole, owner, 10, True),
        (whole, lost, owner, 10, False),
        (whole, lost, owner, 11, True),
        (whole, lost, whole.chain_id, 11, True),
        (whole, lost, bytes(32), 11, False),
        (whole, no_recovery, owner, 11, False),
        (whole, only_recovery, owner, 11, True),
        (lost, lost, whole.chain_id, 10, True),
        (lost, whole, whole.chain_id, 10, False),
        (lost, whole, owner, 11, False),
        (lost, other, whole.chain_id, 11, False),
        (lost, other, owner, 11, True),
        (lost, only_recovery, whole.chain_id, 11, True),
    ):
        case = {"before": before, "after": after, "author": author, "reason": reason, "allowed": verdict}
        cases.append(shown(case))
    return cases
