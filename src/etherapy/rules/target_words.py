"""How reply times are told: the words of `response.target`, and a target as one sentence."""

from typing import Final

from etherapy.rules.targets import (
    BusinessDays,
    CutoffBand,
    CutoffTable,
    FromSlot,
    NextWindows,
    NoTarget,
    Target,
    WallHours,
    WindowMinutes,
)
from etherapy.rules.telling import Teller, wall_time
from etherapy.rules.windows import DayWindow

TARGET_WORDS: Final = {
    "en": {
        # reasons
        "window_minutes": "The reply time counts open minutes.",
        "business_days": "The reply time counts open days.",
        "next_windows": "The reply time counts windows.",
        "wall_hours": "The reply time counts hours, nights included.",
        "cutoff_table": "The reply time depends on the time of day at which it was sent.",
        "from_slot": "The reply time counts from the weekly slot, nights included.",
        "deferred_to_session": "It is answered in the next session.",
        "runs_through_closed": "The reply time runs out before the next opening.",
        "none": "No reply time is agreed.",
        "no_reply_expected": "The message expects no reply.",
        "beyond_horizon": "No reply time within 400 days can be named.",
        "same_turn": "The earlier messages of this turn set the reply time.",
        # the sheet
        "plan": "A reply is planned {when}.",
        "firm": "A reply is due {when}.",
        "when_window_minutes": "within {minutes} of open time",
        "when_same_day": "by the end of the open day on which the message is released",
        "when_same_day_at": "by {time} on the open day on which the message is released",
        "when_next_day": "by the end of the next open day after the message is released",
        "when_next_day_at": "by {time} on the next open day after the message is released",
        "when_days": "by the end of the day, {days} after the release, counting open days only",
        "when_days_at": "by {time}, {days} after the release, counting open days only",
        "when_this_window": "by the end of the window in which the message is released",
        "when_next_window": "by the end of the next window after the one in which the message is released",
        "when_windows": "by the end of the window, {windows} after that of the release",
        "when_wall_hours": "within {hours} after sending, nights and closed days included",
        "when_from_slot": "within {hours} after the slot on {weekday} at {time}, nights included",
        "when_cutoff_table": "depending on when the message is sent: {bands}",
        "band_same": "{days} {hours}: by {time} on the same day",
        "band_next": "{days} {hours}: by {time} on the next open day",
        "band_later": "{days} {hours}: by {time}, {count} later, counting open days only",
        "for_kind": "For {kind}: {said}",
        "for_role": "Where the person who answers is {role}: {said}",
        "for_longer": "For messages of more than {size} bytes: {said}",
        "kind_message": "messages",
        "kind_logistics": "messages about appointments and organisation",
        "kind_no_reply": "messages that expect no reply",
        "kind_letter": "letters",
        "kind_structured": "questionnaires and forms",
        "role_therapist": "a therapist",
        "role_prescriber": "a prescriber",
        "role_listener": "a listener",
        "role_trainee": "in training",
    },
    "de": {
        "window_minutes": "Die Antwortzeit zählt geöffnete Minuten.",
        "business_days": "Die Antwortzeit zählt geöffnete Tage.",
        "next_windows": "Die Antwortzeit zählt Zeitfenster.",
        "wall_hours": "Die Antwortzeit zählt Stunden, auch nachts.",
        "cutoff_table": "Die Antwortzeit hängt von der Uhrzeit ab, zu der sie gesendet wurde.",
        "from_slot": "Die Antwortzeit zählt vom wöchentlichen Termin an, auch nachts.",
        "deferred_to_session": "Sie wird in der nächsten Sitzung beantwortet.",
        "runs_through_closed": "Die Antwortzeit endet vor der nächsten Öffnung.",
        "none": "Es ist keine Antwortzeit vereinbart.",
        "no_reply_expected": "Die Nachricht erwartet keine Antwort.",
        "beyond_horizon": "Innerhalb von 400 Tagen lässt sich keine Antwortzeit nennen.",
        "same_turn": "Frühere Nachrichten, die noch auf Antwort warten, bestimmen die Antwortzeit.",
        "plan": "Eine Antwort ist geplant: {when}.",
        "firm": "Eine Antwort ist zugesagt: {when}.",
        "when_window_minutes": "nach höchstens so viel geöffneter Zeit: {minutes}",
        "when_same_day": "bis zum Ende des geöffneten Tages, an dem die Nachricht zugestellt wird",
        "when_same_day_at": "bis {time} Uhr am geöffneten Tag, an dem die Nachricht zugestellt wird",
        "when_next_day": "bis zum Ende des nächsten geöffneten Tages nach der Zustellung",
        "when_next_day_at": "bis {time} Uhr am nächsten geöffneten Tag nach der Zustellung",
        "when_days": "bis zum Ende des Tages, {days} nach der Zustellung, nur geöffnete Tage gezählt",
        "when_days_at": "bis {time} Uhr, {days} nach der Zustellung, nur geöffnete Tage gezählt",
        "when_this_window": "bis zum Ende des Zeitfensters, in dem die Nachricht zugestellt wird",
        "when_next_window": "bis zum Ende des nächsten Zeitfensters nach dem der Zustellung",
        "when_windows": "bis zum Ende des Zeitfensters, {windows} nach dem der Zustellung",
        "when_wall_hours": "höchstens {hours} nach dem Senden, Nächte und geschlossene Tage mitgezählt",
        "when_from_slot": "höchstens {hours} nach dem Termin am {weekday} um {time} Uhr, auch nachts",
        "when_cutoff_table": "je nach der Uhrzeit, zu der die Nachricht gesendet wird: {bands}",
        "band_same": "{days} {hours}: bis {time} Uhr am selben Tag",
        "band_next": "{days} {hours}: bis {time} Uhr am nächsten geöffneten Tag",
        "band_later": "{days} {hours}: bis {time} Uhr, {count} später, nur geöffnete Tage gezählt",
        "for_kind": "Für {kind}: {said}",
        "for_role": "Wenn die Antwort von dieser Person kommt: {role}. {said}",
        "for_longer": "Für Nachrichten von mehr als {size} Byte: {said}",
        "kind_message": "Nachrichten",
        "kind_logistics": "Nachrichten über Termine und Organisation",
        "kind_no_reply": "Nachrichten, die keine Antwort erwarten",
        "kind_letter": "Briefe",
        "kind_structured": "Fragebögen und Formulare",
        "role_therapist": "Therapeutin oder Therapeut",
        "role_prescriber": "ärztliche Person, die Medikamente verschreibt",
        "role_listener": "geschulte zuhörende Person",
        "role_trainee": "Person in Ausbildung",
    },
}


def tell_target(teller: Teller, target: Target, firm: bool) -> str:
    """A target as a sentence of the rule sheet."""
    if isinstance(target, NoTarget):
        return teller("none")
    if not target.promises:
        return teller("deferred_to_session")
    return teller("firm" if firm else "plan", when=_when(teller, target))


def _when(teller: Teller, target: Target) -> str:
    match target:
        case WindowMinutes(n=n):
            in_hours = n >= 60 and n % 60 == 0
            shown = teller.count(n // 60, "hour") if in_hours else teller.count(n, "minute")
            return teller("when_window_minutes", minutes=shown)
        case BusinessDays(n=n, at=at):
            code = ("when_same_day", "when_next_day", "when_days")[min(n, 2)]
            code += "" if at == "end_of_last_segment" else "_at"
            return teller(code, days=teller.count(n, "day"), time=wall_time(at))
        case NextWindows(n=n):
            code = ("when_this_window", "when_next_window", "when_windows")[min(n, 2)]
            return teller(code, windows=teller.count(n, "window"))
        case WallHours(n=n):
            return teller("when_wall_hours", hours=teller.count(n, "hour"))
        case FromSlot(weekday=weekday, at=at, hours=hours):
            slot = {"weekday": teller.days((weekday,)), "time": wall_time(at)}
            return teller("when_from_slot", hours=teller.count(hours, "hour"), **slot)
        case CutoffTable(bands=bands):
            return teller("when_cutoff_table", bands="; ".join(_band(teller, band) for band in bands))
    raise AssertionError(target)


def _band(teller: Teller, band: CutoffBand) -> str:
    code = ("band_same", "band_next", "band_later")[min(band.due_day_offset, 2)]
    return teller(
        code,
        days=teller.days(band.days),
        hours=teller.hours(DayWindow(band.from_, band.until)),
        time=wall_time(band.due_time),
        count=teller.count(band.due_day_offset, "day"),
    )
