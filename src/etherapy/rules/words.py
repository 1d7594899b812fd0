"""The words of explanations, by language: data only, with the same names and blanks in every language.

The voice is the product's: never first person, and nothing that claims that a human has read something.
"""

import msgspec


class Words(msgspec.Struct, frozen=True):
    """All words of one language; `phrases` are templates for `str.format`."""

    language: str
    weekdays: tuple[str, ...]
    """Monday first, short."""
    months: tuple[str, ...]
    zones: dict[str, str]
    """Zones that people call by another name than that of a city."""
    phrases: dict[str, str]

    def say(self, name: str, /, **blanks: str) -> str:
        """The phrase of that name with its blanks filled; KeyError when it is missing."""
        return self.phrases[name].format(**blanks)


_US_ZONES = {
    "America/New_York": "Eastern",
    "America/Detroit": "Eastern",
    "America/Toronto": "Eastern",
    "America/Chicago": "Central",
    "America/Winnipeg": "Central",
    "America/Denver": "Mountain",
    "America/Edmonton": "Mountain",
    "America/Phoenix": "Arizona",
    "America/Los_Angeles": "Pacific",
    "America/Vancouver": "Vancouver",
    "America/Anchorage": "Alaska",
    "America/Halifax": "Atlantic",
    "Pacific/Honolulu": "Hawaii",
    "Etc/UTC": "UTC",
    "UTC": "UTC",
}

ENGLISH = Words(
    language="en",
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    zones=_US_ZONES,
    phrases={
        # moments
        "date": "{weekday} {day} {month}",
        "date_with_year": "{weekday} {day} {month} {year}",
        "moment": "{date}, {time} {zone}",
        "moment_for_both": "{date}, {time} {zone} ({there} {whose})",
        "moment_there": "{date}, {time}",
        "whose_client": "your time",
        "whose_therapist": "the client's time",
        # to the client
        "client_at_once": "This reaches the inbox of {reader} at once.",
        "client_outside": "This is delivered at once, outside the hours in which {reader} reads.",
        "client_outside_next": "{reader} usually reads again from {opens}.",
        "client_held": "{reader} is not reading now. {reader} will have this {release}.",
        "client_recall": "You can take it back until {recall}.",
        "client_urgent": "Marked urgent, so it is not held: it reaches the inbox of {reader} at once.",
        "client_urgent_closed": "Nobody is expected to see it before {opens}.",
        "client_no_window": "No opening is known within 400 days, so nobody is expected to read this. "
        "Please reach the practice in another way.",
        "client_declined": "Not sent. Your draft is kept on this device.",
        "client_reply_plan": "{reader} plans to answer by {reply}.",
        "client_reply_firm": "An answer from {reader} is due by {reply}.",
        "client_no_reply": "No answer by a certain time is promised.",
        "client_cover": "{cover} covers for {reader} now.",
        "client_replaced": "It takes the place of your earlier message and counts from when that was sent.",
        "client_long_wait": "This is a long wait: more than {days} days.",
        # to the therapist
        "therapist_at_once": "In your inbox at once.",
        "therapist_outside": "Delivered at once, outside your hours.",
        "therapist_outside_next": "Your next hours begin {opens}.",
        "therapist_held": "Held for you until {release}.",
        "therapist_recall": "The client can take it back until {recall}.",
        "therapist_urgent": "Marked urgent by the client, so it is not held.",
        "therapist_urgent_closed": "The client was told that nobody is expected to see it before {opens}.",
        "therapist_no_window": "No opening is known within 400 days: it is not released until hours are set.",
        "therapist_declined": "Not sent.",
        "therapist_reply_plan": "The client was told that you plan to answer by {reply}.",
        "therapist_reply_firm": "The client was told that an answer is due by {reply}.",
        "therapist_no_reply": "The client was told that no answer by a certain time is promised.",
        # to the therapist, of what a cover's hours decided
        "therapist_cover": "Covered by {cover}: the times are those of {cover}.",
        "therapist_covered_at_once": "In the inbox at once.",
        "therapist_covered_outside": "Delivered at once, outside the hours of {reader}.",
        "therapist_covered_outside_next": "The next hours of {reader} begin {opens}.",
        "therapist_covered_held": "Held for {reader} until {release}.",
        "therapist_covered_reply_plan": "The client was told that {reader} plans to answer by {reply}.",
        "therapist_long_wait": "The client was warned of a long wait: more than {days} days.",
        # acknowledgement and card
        "ack_title": "Automatic message, not written by a person.",
        "ack_held": "Your message is saved. Nobody is reading now. {reader} will have it {release}.",
        "card_emergency": "In an emergency: {number}.",
        "card_line": "{name}: {how}.",
        "card_unverified": "These numbers have not been verified by the practice.",
        "card_verified": "Last checked {date}.",
        # reasons
        "because_inside_window": "It was sent inside the agreed hours.",
        "because_outside_windows": "It was sent outside the agreed hours.",
        "because_closed_date": "The date is closed.",
        "because_closed_date_label": "The date is closed: {label}.",
        "because_hold": "Messages outside the hours wait for the next opening.",
        "because_hold_with_ack": "Messages outside the hours wait for the next opening and are acknowledged.",
        "because_deliver_normal": "Messages outside the hours are delivered at once.",
        "because_window_minutes": "The reply time counts open minutes.",
        "because_business_days": "The reply time counts open days.",
        "because_next_windows": "The reply time counts windows.",
        "because_wall_hours": "The reply time counts hours, nights included.",
        "because_runs_through_closed": "The reply time runs out before the next opening.",
        "because_none": "No reply time is agreed.",
        "because_no_reply_expected": "The message expects no reply.",
        "because_beyond_horizon": "No reply time within 400 days can be named.",
        "because_same_turn": "The earlier messages of this turn set the reply time.",
        "because_acknowledged_before": "This closed period was acknowledged before.",
        "because_longer_than_bound": "The wait is longer than the practice's bound.",
        "because_cover": "A colleague covers, and reads earlier.",
        "because_cover_label": "{label} covers, and reads earlier.",
        "because_kept_first_time": "It takes the place of an earlier message and keeps its first time.",
        "because_urgent_never_held": "Urgent messages are never held.",
    },
)

LANGUAGES: dict[str, Words] = {ENGLISH.language: ENGLISH}
