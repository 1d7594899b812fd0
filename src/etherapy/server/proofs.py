"""Log proofs from stored subtree hashes: each reads O(log n) of them in one trip."""

from etherapy.binary import Hash32
from etherapy.merkle.proof import consistency_nodes, consistency_proof, inclusion_nodes, inclusion_proof
from etherapy.store.logs import Logs


async def prove_included(logs: Logs, practice: bytes, log: int, index: int, size: int) -> list[Hash32]:
    """That leaf `index` is in the tree of `size` leaves. ValueError or KeyError: there is no such tree
    or leaf."""
    nodes = await logs.nodes(practice, log, inclusion_nodes(index, size))
    return [Hash32(node) for node in inclusion_proof(index, size, lambda level, at: nodes[(level, at)])]


async def prove_consistent(logs: Logs, practice: bytes, log: int, old: int, new: int) -> list[Hash32]:
    """That the tree of `new` leaves begins with the tree of `old`. ValueError or KeyError: there is no
    such tree."""
    nodes = await logs.nodes(practice, log, consistency_nodes(old, new))
    return [Hash32(node) for node in consistency_proof(old, new, lambda level, at: nodes[(level, at)])]
