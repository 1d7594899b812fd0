"""Merkle logs by RFC 9162 with checkpoints by C2SP: what makes the `keys` and `audit` logs checkable.

Pure: hashes and signatures only, no database and no server, so that a supervisor's checker is made of
nothing but this room and `signing` (decisions.md D-27, tep_amendments.md A-6).
"""
