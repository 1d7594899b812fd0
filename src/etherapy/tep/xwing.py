"""Whether an X-Wing public key can be sealed to at all (tep_amendments.md A-5).

A chain that held a key to which sealing fails would block every thread its owner is in, so such a key is
refused where it would enter, on the server and on devices alike. No key is used here.
"""

PUBLIC_BYTES = 1216
_MLKEM_BYTES = 1184
_VECTOR_BYTES = 1152
_Q = 3329
_P = 2**255 - 19
_LOW_ORDER = frozenset(
    {
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        _P - 1,
    }
)
"""u-coordinates of the points of small order on Curve25519 and its twist (RFC 7748 §6.1, §7)."""


def well_formed(hpke_pk: bytes) -> bool:
    """1216 bytes: ML-KEM-768 (1184) with all coefficients below 3329, then X25519 (32) of large order."""
    if len(hpke_pk) != PUBLIC_BYTES:
        return False
    x25519 = int.from_bytes(hpke_pk[_MLKEM_BYTES:], "little") & (2**255 - 1)
    return x25519 % _P not in _LOW_ORDER and _coefficients_fit(hpke_pk[:_VECTOR_BYTES])


def _coefficients_fit(vector: bytes) -> bool:
    """Two 12-bit numbers in every three bytes, low bits first (FIPS 203, ByteDecode)."""
    return all(
        a | (b & 15) << 8 < _Q and b >> 4 | c << 4 < _Q
        for a, b, c in zip(vector[0::3], vector[1::3], vector[2::3], strict=True)
    )
