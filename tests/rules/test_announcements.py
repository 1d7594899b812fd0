"""Coming phases carry the date on which they were announced: no author can have told it earlier."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules.announcements import announce

TODAY = date(2026, 6, 1)
dates = st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(date.isoformat)
later = st.fixed_dictionaries(
    {"name": st.sampled_from(["step_down_1", "maintenance", "closing"])},
    optional={"begins": dates, "notice_days": st.integers(0, 60), "announced": dates | st.none()},
)
rule_sets = st.lists(
    st.lists(later, max_size=3, unique_by=lambda phase: str(phase["name"])).map(
        lambda found: {"kind": "phase", "phases": [{"name": "standard"}, *found]}
    )
    | st.just({"kind": "ack", "throttle": "closed_period"}),
    max_size=2,
    unique_by=lambda document: str(document["kind"]),
)


def phases(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [p for one in documents if one["kind"] == "phase" for p in one["phases"][1:]]


def said(phase: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in phase.items() if name != "announced"}


@given(rule_sets, rule_sets)
def test_a_phase_is_announced_no_earlier_than_it_was_first_set(
    documents: list[dict[str, Any]], before: list[dict[str, Any]]
) -> None:
    known = announce(before, (), TODAY - timedelta(days=30))
    found = announce(documents, known, TODAY)
    first_set = {str(sorted(said(p).items())): p["announced"] for p in phases(known)}
    for asked, phase in zip(phases(documents), phases(found), strict=True):
        earliest = first_set.get(str(sorted(said(phase).items())), TODAY.isoformat())
        assert said(asked) == said(phase)
        assert phase["announced"] == max(asked.get("announced") or earliest, earliest)
    assert [one for one in found if one["kind"] != "phase"] == [d for d in documents if d["kind"] != "phase"]


@given(rule_sets)
def test_rules_that_are_set_once_more_as_they_are_kept_keep_their_dates(
    documents: list[dict[str, Any]],
) -> None:
    kept = announce(documents, (), TODAY)
    assert announce(kept, kept, TODAY + timedelta(days=40)) == kept
    assert announce(documents, kept, TODAY + timedelta(days=40)) == kept or any(
        p.get("announced") for p in phases(documents)
    )


def test_the_first_phase_and_what_the_author_wrote_are_left_as_they_were() -> None:
    written: list[dict[str, Any]] = [
        {"kind": "phase", "phases": [{"name": "standard"}, {"name": "closing"}]},
        {"kind": "phase"},
    ]
    found = announce(written, (), TODAY)
    assert found[0]["phases"] == [{"name": "standard"}, {"name": "closing", "announced": "2026-06-01"}]
    assert found[1] == {"kind": "phase"}
    assert written[0]["phases"] == [{"name": "standard"}, {"name": "closing"}]
