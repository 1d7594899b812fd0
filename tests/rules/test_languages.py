"""Two complete languages: the same codes and blanks, nothing that pretends, no later times than meant."""

import ast
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etherapy.rules
from etherapy.rules.calendar import zone
from etherapy.rules.kinds import KINDS
from etherapy.rules.languages import ENGLISH, GERMAN, LANGUAGES, words_in
from etherapy.rules.moments import show_date, show_moment, show_span
from etherapy.rules.telling import Teller
from etherapy.rules.windows import DayWindow
from tests.rules.world import utc

SOURCES = sorted(Path(etherapy.rules.__file__).parent.rglob("*.py"))
FIRST_PERSON = {
    "en": re.compile(r"\b(I|I'm|I'll|me|my|mine|we|we're|our|us)\b"),
    "de": re.compile(r"\b([Ii]ch|mir|mich|[Mm]ein\w*|[Ww]ir|uns|[Uu]nser\w*)\b"),
}
BANNED = {
    "en": re.compile(
        r"(has|have|was|been) (read|seen)(?! the alert)|(?<!Nobody )is reading now|24/7|around the clock"
        r"|help is (on the way|coming)|monitor(s|ed|ing)? your|detects? (a )?cris|has been notified"
        r"|guaranteed|completely secure|anonymous|HIPAA|clinically proven|certified",
        re.IGNORECASE,
    ),
    "de": re.compile(
        r"(hat|haben|wurde) (?!die Krisenkarte).*\b(gelesen|gesehen)\b(?<!Alarm gesehen)|24/7|rund um die Uhr"
        r"|Hilfe ist unterwegs|Hilfe kommt|überwach|erkenn\w* (eine )?Krise|wurde benachrichtigt|garantiert"
        r"|vollkommen sicher|anonym|HIPAA|klinisch erwiesen|zertifiziert",
        re.IGNORECASE,
    ),
}


def blanks(phrase: str) -> list[str]:
    return sorted({name for _, name, _, _ in Formatter().parse(phrase) if name})


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_a_language_has_every_phrase_with_the_same_blanks(words):
    assert sorted(set(ENGLISH.phrases) ^ set(words.phrases)) == []
    differing = {
        name: phrase
        for name, phrase in words.phrases.items()
        if blanks(phrase) != blanks(ENGLISH.phrases[name])
    }
    assert differing == {}
    assert (len(words.weekdays), len(words.months)) == (7, 12)
    assert len(set(words.months)) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_says_itself_in_every_language_with_words_of_its_own(kind):
    said = {language: set(KINDS[kind].words.get(language, {})) for language in LANGUAGES}
    assert said == dict.fromkeys(LANGUAGES, said["en"])
    for code in said["en"]:
        assert KINDS[kind].words["de"][code] != KINDS[kind].words["en"][code] or not re.search(
            r"[A-Za-z]{3}", re.sub(r"\{\w+\}", "", KINDS[kind].words["en"][code])
        ), f"{kind}.{code} is not translated"


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_nothing_is_in_the_first_person_or_claims_what_must_not_be_claimed(words):
    for name, phrase in words.phrases.items():
        assert not FIRST_PERSON[words.language].search(phrase), name
        assert not BANNED[words.language].search(phrase), name


def test_what_must_not_be_claimed_is_found_where_it_stands():
    for claim in (
        "Help is on the way.",
        "Dr Vale has read this.",
        "An answer is guaranteed.",
        "24/7 support",
    ):
        assert BANNED["en"].search(claim)
    for claim in (
        "Hilfe ist unterwegs.",
        "Dr Vale hat dies gelesen.",
        "Antwort garantiert",
        "rund um die Uhr",
    ):
        assert BANNED["de"].search(claim)
    assert FIRST_PERSON["de"].search("Wir antworten bald.")


def _codes(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Kind and code of every reason that is written out in the source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
            values = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args[:3]]
            if len(values) == 3 and isinstance(values[0], str) and isinstance(values[2], str):
                yield values[0], values[2]


def test_every_reason_that_the_code_gives_has_words():
    found = {code for path in SOURCES for code in _codes(ast.parse(path.read_text()))}
    assert len(found) > 10
    assert sorted(f"{kind}.{code}" for kind, code in found if f"{kind}.{code}" not in ENGLISH.phrases) == []


def _said(tree: ast.AST, by: str) -> Iterator[str]:
    """The first argument, where it is written out, of every call of `by(...)` or `x.by(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == by:
                yield str(node.args[0].value)


def test_every_phrase_that_the_code_says_exists():
    voices = ("", "client_", "therapist_", "own_", "theirs_")
    for path in SOURCES:
        for name in _said(ast.parse(path.read_text()), "say"):
            assert any(f"{voice}{name}" in ENGLISH.phrases for voice in voices), f"{path.name}: {name}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_that_a_kind_tells_exists(kind):
    source = Path(sys.modules[KINDS[kind].__module__].__file__ or "")
    codes = set(_said(ast.parse(source.read_text()), "teller"))
    assert sorted(codes - set(KINDS[kind].words.get("en", {}))) == []


def test_every_phrase_of_the_core_is_used_somewhere():
    texts = [path.read_text() for path in SOURCES if path.name not in ("english.py", "german.py")]
    used = "\n".join(texts)
    prefixes = r"^(client|therapist|own|theirs|therapist_covered|one|many|whose|sheet_layer)_"
    of_kinds = {f"{kind}.{code}" for kind in KINDS for code in KINDS[kind].words.get("en", {})}
    for name in set(ENGLISH.phrases) - of_kinds:
        bare = re.sub(prefixes, "", re.sub(r"^therapist_covered_", "", name))
        tails = {name, bare, name.rpartition(".")[2], bare.removesuffix("_label")}
        tails |= {tail.removesuffix("_label") for tail in tails} | {bare.removesuffix("_client")}
        tails |= {bare.removesuffix("_therapist"), bare.removesuffix("_until")}
        assert any(tail in used for tail in tails), f"{name} is said nowhere"


def test_a_language_is_found_by_its_tag_and_is_english_where_it_is_not_known():
    assert words_in("de") is words_in("de-AT") is words_in("DE-ch") is GERMAN
    assert words_in("") is words_in("xx") is words_in("en-GB") is ENGLISH


# --- moments ---


def test_german_shows_both_walls():
    shown = show_moment(
        utc("2026-06-02T13:00"),
        "America/New_York",
        "America/Chicago",
        GERMAN.say("whose_client"),
        GERMAN,
        utc("2026-06-01T00:00"),
    )
    assert shown == "Di 2. Juni, 9:00 Uhr (New York; nach Ihrer Zeit 8:00 Uhr)"


@pytest.mark.parametrize(
    ("start", "end", "there", "shown"),
    [
        (
            *("2026-06-02T13:00", "2026-06-02T21:00", "America/New_York"),
            "Tue 2 Jun, 9:00 to 17:00 Eastern",
        ),
        (
            *("2026-06-02T13:00", "2026-06-02T21:00", "America/Chicago"),
            "Tue 2 Jun, 9:00 to 17:00 Eastern (8:00 to 16:00 your time)",
        ),
        (
            *("2026-06-02T04:00", "2026-06-03T04:00", "America/New_York"),
            "Tue 2 Jun, 0:00 to 24:00 Eastern",
        ),
        (
            *("2026-06-03T01:00", "2026-06-03T06:00", "Asia/Tokyo"),
            "Tue 2 Jun, 21:00 to Wed 3 Jun, 2:00 Eastern (Wed 3 Jun, 10:00 to 15:00 your time)",
        ),
        (
            *("2026-11-01T04:30", "2026-11-01T06:30", "America/New_York"),
            "Sun 1 Nov, 0:30 (UTC-4) to 1:30 (UTC-5) Eastern",
        ),
    ],
)
def test_a_span_is_shown_on_both_walls(start, end, there, shown):
    at = utc(start)
    assert show_span(at, utc(end), "America/New_York", there, "your time", ENGLISH, at) == shown


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.sampled_from(sorted(LANGUAGES)),
)
def test_a_time_shown_is_never_later_than_meant(at, place, language):
    words = LANGUAGES[language]
    shown = show_moment(at, place, place, "", words, at)
    read = at.replace(second=0, microsecond=0)
    assert f" {_wall(read, place):%-H:%M}" in shown
    assert read <= at < read + timedelta(minutes=1)
    assert show_date(_wall(read, place).date(), words, with_year=False) in shown


def _wall(at: datetime, place: str) -> datetime:
    return at.astimezone(zone(place))


# --- what kinds say themselves with ---


@pytest.mark.parametrize(
    ("language", "days", "hours", "listed"),
    [
        ("en", "Mon to Wed, Sat", "9:00 to 17:00", "1 day, 2 weeks and 3 months"),
        ("de", "Mo bis Mi, Sa", "9:00 bis 17:00 Uhr", "1 Tag, 2 Wochen und 3 Monate"),
    ],
)
def test_a_teller_counts_and_lists_in_its_language(language, days, hours, listed):
    teller = Teller(LANGUAGES[language], "bounds")
    assert teller.days(["wed", "mon", "tue", "sat"]) == days
    assert teller.hours(DayWindow("09:00", "17:00")) == hours
    counted = [teller.count(1, "day"), teller.count(2, "week"), teller.count(3, "month")]
    assert teller.listed(counted) == listed
