"""Links, server links, invitations: whatever is written is read back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from etherapy.signing import SigningKey
from etherapy.tep import invite as inv
from etherapy.tep.linking import begin_chain
from etherapy.tep.links import INTRODUCES, LinkCore, Op, make_link, parse_link, parse_link_core
from etherapy.tep.serverkeys import ServerKey, first_server_link, verify_server_chain
from tests.tep.world import person

ids, hashes = st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)
some_hash = hashes.filter(any)
times, numbers = st.integers(0, 4 * 10**12), st.integers(1, 511)
HPKE_PK = person("somebody").keys.hpke.public
KEY = SigningKey(bytes(32))

body = {
    Op.ADD: st.fixed_dictionaries(
        {"sign_pk": hashes, "hpke_pk": st.just(HPKE_PK), "device_class": st.integers(1, 5)}
    ),
    Op.REVOKE: st.fixed_dictionaries({"target": ids}),
    Op.ROTATE: st.just({"hpke_pk": HPKE_PK}),
    Op.ANNOUNCE_RECOVERY: st.fixed_dictionaries({"target": ids}),
    Op.COMPLETE_RECOVERY: st.fixed_dictionaries(
        {"sign_pk": hashes, "hpke_pk": st.just(HPKE_PK), "device_class": st.just(4), "reference": hashes}
    ),
    Op.CLOSE: st.just({}),
}
cores = st.sampled_from(sorted(body)).flatmap(
    lambda op: st.builds(
        lambda chain, seq, prev, signer, at, rest: LinkCore(chain, seq, prev, op, signer, at, **rest),
        *(some_hash, numbers, some_hash, ids, times, body[op]),
    )
)


@given(cores)
def test_every_link_comes_back_as_it_was(core):
    assert parse_link_core(core.pack()) == core
    link = parse_link(make_link(core, KEY, KEY))
    assert link.core == core
    assert len(link.signatures) == (2 if core.op in INTRODUCES else 1)


@given(st.integers(1, 5), ids, times, st.booleans())
def test_every_genesis_comes_back_as_it_was(device_class, random, at, opt_out):
    core = parse_link(begin_chain(KEY, HPKE_PK, device_class, random, at, opt_out=opt_out)).core
    assert (core.device_class, core.random, core.at, core.opt_out) == (device_class, random, at, opt_out)
    assert parse_link_core(core.pack()) == core


@given(
    st.text(max_size=60),
    st.lists(st.tuples(hashes, st.integers(1, 3), times, st.integers(1, 10**9)), min_size=1, max_size=4),
)
def test_every_server_link_comes_back_as_it_was(origin, listed):
    keys = {public: ServerKey.of(public, use, since, since + length) for public, use, since, length in listed}
    known = verify_server_chain([first_server_link(origin, KEY, keys.values())])
    assert set(known.keys.values()) == set(keys.values())
    assert (known.origin, known.root_pk, known.seq) == (origin, KEY.public, 0)


invites = st.builds(
    inv.Invite,
    *(hashes, ids, ids, hashes, st.integers(0, 511), hashes, st.integers(0, 2**40), hashes),
    *(st.integers(1, 4), hashes, hashes, times, ids, st.integers(0, 1)),
)
accepts = st.builds(inv.InviteAccept, hashes, hashes, st.integers(0, 511), hashes, ids)


@given(invites, accepts)
def test_every_invitation_and_answer_comes_back_as_it_was(invite, accept):
    offered = inv.parse_invite(inv.sign_invite(invite, KEY))
    answered = inv.parse_accept(inv.sign_accept(accept, KEY, KEY))
    assert (offered.invite, answered.accept) == (invite, accept)
    assert inv.invite_verifies(offered, KEY.public)
