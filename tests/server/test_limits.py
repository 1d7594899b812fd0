"""How often is too often (guarantees.md G17, 4.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.protocol.door import TooManyRequests
from etherapy.server.limits import Limits, Rate, limits_of, step
from etherapy.server.settings import Settings
from tests.server.small_house import THREAD, TOKEN, note_body, opened

NOTE = f"/notes/{THREAD}"


class Hands:
    """A monotonic clock turned by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def passes(limits: Limits, kind: str, key: bytes, cost: int = 1) -> bool:
    try:
        limits.spend(kind, key, cost)
    except TooManyRequests:
        return False
    return True


def test_a_burst_passes_and_then_one_for_each_interval() -> None:
    hands = Hands()
    limits = Limits({"token": Rate(2, 5)}, hands)
    assert [passes(limits, "token", b"a") for _ in range(7)] == [True] * 5 + [False] * 2
    hands.at += 0.5
    assert [passes(limits, "token", b"a") for _ in range(2)] == [True, False]
    hands.at += 100
    assert [passes(limits, "token", b"a") for _ in range(6)] == [True] * 5 + [False]


def test_buckets_are_apart_by_kind_and_key() -> None:
    limits = Limits({"token": Rate(1, 1), "address": Rate(1, 1)}, Hands())
    assert passes(limits, "token", b"a")
    assert passes(limits, "token", b"b")
    assert passes(limits, "address", b"a")
    assert not passes(limits, "token", b"a")


def test_the_wait_that_is_told_is_enough() -> None:
    hands = Hands()
    limits = Limits({"device": Rate(0.1, 2)}, hands)
    limits.spend("device", b"d")
    limits.spend("device", b"d")
    with pytest.raises(TooManyRequests) as refusal:
        limits.spend("device", b"d")
    assert refusal.value.retry_after == 10
    hands.at += 10
    limits.spend("device", b"d")


def test_a_costly_request_counts_for_several() -> None:
    limits = Limits({"token": Rate(1, 10)}, Hands())
    assert [passes(limits, "token", b"a", 4) for _ in range(3)] == [True, True, False]
    assert passes(limits, "token", b"a", 2)


@given(
    st.floats(0.1, 1000),
    st.integers(1, 50),
    st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_no_more_pass_than_burst_and_rate_allow(per_second: float, burst: int, gaps: list[float]) -> None:
    rate = Rate(per_second, burst)
    now, full_at, passed = 0.0, float("-inf"), 0
    for gap in gaps:
        now += gap
        full_at, wait = step(full_at, now, rate)
        passed += wait == 0.0
    assert passed <= burst + now * per_second + 1e-3
    assert passed >= min(len(gaps), burst)


@given(st.floats(0.1, 1000), st.integers(1, 50), st.integers(1, 100), st.floats(0, 1e6))
def test_waiting_as_told_always_helps(per_second: float, burst: int, used: int, start: float) -> None:
    rate = Rate(per_second, burst)
    full_at = float("-inf")
    for _ in range(used):
        full_at, wait = step(full_at, start, rate)
    _, wait = step(full_at, start, rate)
    assert step(full_at, start + wait + 1e-6, rate)[1] == 0.0


def test_the_store_is_bounded_whatever_keys_are_made_up() -> None:
    hands = Hands()
    limits = Limits({"address": Rate(1, 2)}, hands, room=100)
    for n in range(5_000):
        limits.spend("address", n.to_bytes(4, "big"))
    assert len(limits) <= 100
    hands.at += 10
    limits.spend("address", b"x")
    assert len(limits) <= 100


def test_buckets_that_say_nothing_go_first() -> None:
    hands = Hands()
    limits = Limits({"address": Rate(1, 1), "token": Rate(0.001, 1)}, hands, room=100)
    limits.spend("token", b"spent")
    for n in range(99):
        limits.spend("address", n.to_bytes(4, "big"))
    hands.at += 5
    limits.spend("address", b"one more")
    assert len(limits) == 2
    assert not passes(limits, "token", b"spent")


def test_made_up_keys_do_not_reach_the_global_bucket() -> None:
    limits = Limits({"global": Rate(1, 3)}, Hands(), room=1)
    for _ in range(3):
        limits.spend_global()
    limits.spend("address", b"no rate, no limit")
    with pytest.raises(TooManyRequests):
        limits.spend_global()


def test_settings_can_turn_limits_off() -> None:
    limits = limits_of(Settings(limits=False), Hands())
    for _ in range(20_000):
        limits.spend_global()
        limits.spend("token", b"a")
    assert len(limits) == 0


async def test_beyond_the_rate_of_a_session_the_answer_is_429_with_a_time() -> None:
    other = TOKEN[:-4] + "AAAA"
    async with opened(limits=True, limit_token=1.0) as house:
        replies = [await house.ask("GET", NOTE) for _ in range(7)]
        fresh = await house.ask("GET", NOTE, token=other)
    assert [reply.status for reply in replies] == [200] * 6 + [429]
    assert replies[-1].header("Retry-After") == "1"
    assert replies[-1].json["type"] == "/problems/too-many-requests"
    assert fresh.status == 200


async def test_made_up_tokens_and_places_count_against_the_address() -> None:
    async with opened(limits=True, limit_address=1.0) as house:
        for n in range(5):
            assert (await house.ask("GET", f"/nowhere/{n}", token=None)).status == 404
        assert (await house.ask("GET", NOTE)).status == 429
        assert (await house.ask("GET", "/live", token=None)).status == 429


async def test_all_together_have_a_rate() -> None:
    async with opened(limits=True, limit_global=1.0) as house:
        assert [(await house.ask("GET", "/live")).status for _ in range(3)] == [200, 200, 429]


async def test_behind_a_trusted_proxy_the_last_foreign_hop_counts() -> None:
    async with opened(limits=True, limit_address=1.0, trusted_proxy=("127.0.0.0/8",)) as house:
        for n in range(5):
            made_up = f"10.9.9.{n}, 192.0.2.1, 127.0.0.2"
            assert (await house.ask("GET", "/live", X_Forwarded_For=made_up)).status == 200
        assert (await house.ask("GET", "/live", X_Forwarded_For="192.0.2.1")).status == 429
        assert (await house.ask("GET", "/live", X_Forwarded_For="192.0.2.2")).status == 200


async def test_without_a_trusted_proxy_the_header_means_nothing() -> None:
    async with opened(limits=True, limit_address=1.0) as house:
        statuses = [
            (await house.ask("GET", "/live", X_Forwarded_For=f"192.0.2.{n}")).status for n in range(6)
        ]
    assert statuses == [200] * 5 + [429]


async def test_handlers_can_spend_for_a_device() -> None:
    async with opened(limits=True, limit_device=1.0) as house:
        await house.ask("POST", f"/threads/{THREAD}/notes", note_body())
        context = house.parts.last
        assert context is not None
        for _ in range(20):
            context.spend("device", b"d", 1)
        with pytest.raises(TooManyRequests):
            context.spend("device", b"d", 1)
