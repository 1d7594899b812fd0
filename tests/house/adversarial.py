"""What an adversary must not get by with, by number, and where it is proven: the source of a page of docs/.

The sentences and what is open are written here; where a test proves something is read off the tests, which
carry the number in a docstring (`AT-07`). `python -m tests.house.adversarial` writes the page.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/adversarial-tests.md"
NUMBER = re.compile(r"AT-(\d{2,3})\b")


@dataclass(frozen=True, slots=True)
class Attack:
    """One of them. `halves` are who must hold: S the server, P the Python SDK, J the JavaScript one.

    `open` says what is not proven, besides J, which does not exist yet.
    """

    number: int
    halves: str
    words: str
    open: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """A test that carries a number."""

    file: str
    test: str


ERASURE = "open: erasing and shredding are not built"
ATTACHED = "open: bytes of attachments are not built"
SHOWN = "open: disclosure to a supervisor is not built"
_TABLE = f"""
1 PJS any bit flipped in an envelope, or in any other signed format
2 SPJ a second spelling in CBOR: lengths, order, doubles, trailing bytes, keys too many or too few
3 S one byte over a limit, or nesting without end
4 PJ map keys above 23, negative, or no numbers
5 S base64url with padding, white space, or spare bits set
6 SPJ a key under which any message verifies
7 SPJ another spelling of a key, or of a signature (S + L)
8 PJ a signature judged by another library than libsodium
9 P sealing to a key to which nothing can be sealed: nothing is made, nothing uploaded
10 PJ a signature made for one use offered for another
11 S a login signature of another server, an old one, a repeated one
12 PJS a link signed by a revoked device, whatever time it names
13 PJ a device that did not agree to be added
14 PJ a web device that adds, revokes others, or brings users in
15 PJ a recovery device taken out by an ordinary one, or replaced in less than 72 hours
16 PJ two links with one number
17 PJ a served chain that hides a revocation
18 PJ a served chain shorter than seen before
19 PJ an X-Wing key replaced on the way
20 PJ a genesis with neither recovery device nor opt-out
21 PJ a leaf in one's own name that none of one's devices made
22 S a device that knows the passphrase and nothing else
23 S a way to activate a device without a link by an active one, or without telling the others
24 S a thousand requests of pending devices
25 PJ an old epoch, or a shorter thread, shown as the present one
26 S two commits on one epoch
27 PJ a commit that lacks an active or recovery device
28 PJ a commit with a revoked device, a stranger's, or a supervisor's role
29 PJ a sealed row of another epoch or device
30 PJ another secret for one member
31 PJ a new user without all consents, or by one that has expired or is for elsewhere
32 P a sender that seals into an old epoch after it saw a revocation, over any interleaving
33 SPJ a revoked device that has every row, with the server's help
34 S a message under an older epoch
35 PJ a lower suite
36 PJ changed terms under the hash that was signed
37 P random schedules of add, grant, revoke, rotate, send; the flaw of comparing sets of devices is found
38 S one mid with the same bytes, and with others
39 PJ an order that no honest server gives (the design's replacement for gaps in device chains: 83, 84)
40 PJ two messages in another order
41 PJ the last acknowledged message dropped
42 PJ two histories for two people
43 PJ everything of one side kept back
44 PJ an envelope of another thread
45 PJ padding that is not zero, a length that does not fit
46 PJ one ciphertext with two meanings
47 P a cloned or restored device
48 PJ a kind that is unknown, or that shows outside the ciphertext
49 S sizes on the wire, for all texts from 0 to 60,000
50 S a flood of false signatures
51 PJ nothing left but the recovery code
52 PJ a recovery code with a typing mistake
53 PJ a wrong secret in a grant, or a grant to a stranger
54 PJ history to a new identity that nobody confirmed in session
55 PJ older epochs for somebody without history
56 SPJ verifying chain and order after erasure | {ERASURE}
57 PJ a missing item without a record of its erasure | erasure records are not built: all are gaps
58 S a grant or a new sealing for a shredded epoch | {ERASURE}
59 S a database put back to yesterday
60 J a browser's store that was wiped | open: the web client is not built
61 S a supervisor who asks for content, keys or chains
62 PJ a disclosed message with anything changed | {SHOWN}
63 PJ disclosing what was never sent, or a second opening | {SHOWN}; that commitments bind is proven
64 S canaries of texts, keys and codes in logs and database
65 S a name that nobody has, at login
66 PJ weaker Argon2 parameters than pinned
67 PJ an invitation that is used twice, late, or with a wrong signature
68 PJ the number to compare, after new devices and after a new identity
69 PJ every wrong Merkle proof, tree and checkpoint | witnesses of the logs are not built
70 PJ a peer who was shown another log
71 PJ chunks of attachments removed, moved, cut or swapped | {ATTACHED}
72 S uploads without a token, too large, or for another thread | {ATTACHED}
73 PJ a clock that is wrong by a year
74 PJ an envelope dated back before the revocation of its device
75 PJ a grant to a device that is not in the newest roster
76 PJ a family member who leaves out somebody else's device
77 PJS vectors written by one language and read by the other | J does not exist, its files do
78 S what readers see with and without a held, recalled, deferred or returned message
79 S what a held item changes in positions, heads, logs and counts
80 PJ every malformed header
81 SPJ a receipt with anything changed
82 S what the form of a receipt tells of others
83 PJ a promised item that is never placed
84 PJ an item that overtakes one that was due, or another promise for readers
85 S an urgent message that takes waiting ones with it
86 PS a recall at the very moment of release
87 SP placed after it was taken back, or taken out without a signed Recall
88 SP a replacement with another thread, account or class, or half of one
89 S a replacement that moves a promise later
90 PJ a message of the night, placed under a newer epoch
91 PJS a held item of a device that was revoked meanwhile
92 PS a lost phone with items waiting, and the code
93 S epochs by count and age from a client's device
94 P a commit whose timing tells of a draft
95 SP fifty devices that see one revocation
96 PJS keys and rosters beyond their limits
97 PS a consent that has expired
98 S a message held over the end of a cover
99 PS shredding an epoch with an item held under it | {ERASURE}
100 PJ different rules for two people
101 SP a charter that one party has not signed
102 S a stale epoch, and an earlier attempt that comes late
103 S a repetition a year later
104 S what a refused attempt leaves behind
105 PJ another server, therapist, thread or charter than pinned; keys outside their dates
106 PJS an epoch 0 made at night, and every wrong one
107 PS a restore from a backup
108 PJ an item of another home, a device twice in a roster
109 S leaves of concurrent and aborted transactions
110 PJ a view that names what is not placed, a kind that does not fit its class
"""


def attacks() -> Iterator[Attack]:
    """All of them, in order."""
    for row in _TABLE.strip().splitlines():
        number, halves, rest = row.split(" ", 2)
        words, _, left = rest.partition(" | ")
        yield Attack(int(number), halves, words, left)


@cache
def read_tests() -> dict[Proof, str]:
    """All tests, and the modules (no test name) they are in, with their docstrings."""
    return {
        Proof(file.relative_to(ROOT).as_posix(), test): words
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        for test, words in _documented(ast.parse(file.read_text(encoding="utf-8")))
    }


@cache
def proofs() -> dict[int, list[Proof]]:
    """The tests that carry each number in their docstring."""
    found: dict[int, list[Proof]] = {}
    for proof, words in read_tests().items():
        for number in set(NUMBER.findall(words)):
            found.setdefault(int(number), []).append(proof)
    return found


def _documented(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The module and each test in it, with their docstrings."""
    yield "", ast.get_docstring(tree) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


def page() -> str:
    """The page as it should be."""
    return _HEAD + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    found = proofs()
    for attack in attacks():
        files = sorted({proof.file for proof in found.get(attack.number, [])})
        where = " ".join(f"`{file.removeprefix('tests/')}`" for file in files)
        said = f"{attack.open}" if attack.open else ""
        shown = "; ".join(one for one in (where, said) if one) or "**open**"
        yield f"| {attack.number:02} | {attack.halves} | {attack.words} | {shown} |"


_HEAD = """# Adversarial tests, by number

What an adversary must not get by with, and where it is proven. Each number stands in the docstring of the
tests that prove a part of it, so `grep -rn AT-07 tests` finds them. S is the server, P the Python SDK, J the
JavaScript one. **All J halves are open**: there is no JavaScript client yet, and only the vectors (77) are
ready for one. Numbers that say *open* belong to what is not built. This page is written by
`python -m tests.house.adversarial` and held against the tests by `tests/house/test_adversarial.py`; paths
are below `tests/`.

| AT | who | what is tried | where it is proven |
|---|---|---|---|
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
