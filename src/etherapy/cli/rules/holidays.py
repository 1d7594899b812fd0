"""`etherapy rules holidays`: a list of public holidays as a rule, for a person to read before it is one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from types import ModuleType
from typing import Any

import click
import msgspec

from etherapy.cli.saying import Command, Refusal, count, remark
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.kinds import read_rule

Listed = Mapping[date, str]
_YEARS = click.IntRange(1990, 2100)


@click.command("holidays", cls=Command)
@click.argument("country")
@click.argument("more_years", nargs=-1, type=_YEARS, metavar="")
@click.option("--subdivision", default="", help="State or part of the country, e.g. NY or ENG.")
@click.option("--years", multiple=True, required=True, type=_YEARS, help="Years, e.g. --years 2026 2027.")
@click.option(
    "--observed",
    type=click.Choice(["observed", "both", "actual"]),
    default="observed",
    show_default=True,
    help="For a holiday on a weekend: its substitute date, that and the day itself, or the day alone.",
)
@click.option("--reviewed-by", default="", metavar="NAME", help="Who has read the list through: your name.")
def making(
    country: str,
    more_years: tuple[int, ...],
    subdivision: str,
    years: tuple[int, ...],
    observed: str,
    reviewed_by: str,
) -> None:
    """Make a rule of the public holidays of COUNTRY (ISO 3166, e.g. US), as JSON.

    Lists of libraries are wrong now and then: read it through, then ask again with --reviewed-by. A list
    that nobody has read is refused as a rule.
    """
    wanted = sorted({*years, *more_years})
    document = holiday_rule(country.upper(), subdivision.upper(), wanted, observed)
    if reviewed_by:
        document |= {"reviewed_by": reviewed_by, "reviewed_on": datetime.now(UTC).date().isoformat()}
        try:
            read_rule(document)
        except BadRule as bad:
            raise Refusal(bad.problem, bad.mend) from None
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
    dates = count(len(document["dates"]), "date")
    if reviewed_by:
        remark(f"{dates}, reviewed by {reviewed_by}.")
    else:
        remark(f"{dates}. Read each of them, mend what is wrong, then ask again with --reviewed-by NAME.")


def holiday_rule(country: str, subdivision: str, years: Sequence[int], observed: str) -> dict[str, Any]:
    """The rule for a country's public holidays in those years, not yet reviewed; Refusal if there is none."""
    library = _library()
    code = f"{country}-{subdivision}" if subdivision else country
    full, actual = (_listed(library, country, subdivision, years, kept) for kept in (True, False))
    closed = {"observed": dict(_observed(full, actual)), "both": full, "actual": actual}[observed]
    return {
        "kind": "holiday.calendar",
        "snapshot": f"{code}-{_spans(years)}-holidays-{library.__version__}".lower(),
        "dates": [{"date": day.isoformat(), "label": closed[day]} for day in sorted(closed)],
        "jurisdictions": [code],
        "source": f"holidays {library.__version__}",
        "observed": observed,
    }


def _library() -> ModuleType:
    try:
        import holidays
    except ImportError:
        mend = "install it with: pip install 'etherapy[holidays]'"
        raise Refusal("the package that knows holidays is not installed", mend) from None
    return holidays


def _listed(
    library: ModuleType, country: str, subdivision: str, years: Sequence[int], substitutes: bool
) -> Listed:
    """The holidays of those years; with `substitutes` the dates too on which others are observed."""
    try:
        found = library.country_holidays(
            country, subdiv=subdivision or None, years=list(years), expand=False, observed=substitutes
        )
    except NotImplementedError:
        known = library.list_supported_countries()
        if country not in known:
            mend = "name it by its ISO 3166 code, such as US, GB or DE"
            raise Refusal(f"no holidays are known of {country}", mend) from None
        parts = ", ".join(sorted(known[country])) or "none"
        raise Refusal(f"{country} has no part {subdivision}", f"use one of: {parts}") from None
    return {day: name[:200] for day, name in found.items() if day.year in years}


def _observed(full: Listed, actual: Listed) -> Iterator[tuple[date, str]]:
    """The full list without the weekend days of holidays that are observed on another date."""
    moved = [(day, _names(full[day])) for day in full.keys() - actual.keys()]
    for day, name in full.items():
        near = [names for other, names in moved if abs(other - day) < timedelta(days=7)]
        is_moved = day.weekday() >= 5 and _names(name) <= set().union(*near)
        if day not in actual or not is_moved:
            yield day, name


def _names(listed: str) -> set[str]:
    """The holidays of a date, without what stands behind a name in brackets, such as "(observed)"."""
    return {re.sub(r"\s*\(.*\)$", "", name) for name in listed.split("; ")}


def _spans(years: Sequence[int]) -> str:
    """`2026`, `2026-2028`, `2026+2030`."""
    runs = [list(run) for _, run in groupby(enumerate(years), key=lambda pair: pair[1] - pair[0])]
    ends = [(run[0][1], run[-1][1]) for run in runs]
    return "+".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ends)


COMMANDS = (making,)
