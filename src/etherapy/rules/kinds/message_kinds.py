"""Kinds of message: which are written here, and which of them want an answer."""

from collections.abc import Iterable, Iterator
from typing import Literal

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.rule import SERVICE_CLASSES, Attempt, Case, Rule, ServiceClassName
from etherapy.rules.telling import Teller

DeviceKind = Literal[
    "text", "letter", "supportive", "progress_update", "clarification", "measure", "goal", "media",
    "propose_session", "other",
]  # fmt: skip
"""What is inside a message: known to devices alone (A-1)."""

CLASS_WORDS = {
    "en": {
        "class_message": "messages",
        "class_logistics": "practical matters",
        "class_no_reply": "messages that want no answer",
        "class_letter": "letters",
        "class_structured": "forms and questionnaires",
    },
    "de": {
        "class_message": "Nachrichten",
        "class_logistics": "Organisatorisches",
        "class_no_reply": "Nachrichten ohne Antwortwunsch",
        "class_letter": "Briefe",
        "class_structured": "Formulare und Fragebögen",
    },
}
"""The service classes for people, for every kind of rule that lists some."""


def listed_classes(classes: Iterable[ServiceClassName], teller: Teller) -> str:
    """`messages, letters and practical matters`, in the words of a kind that has `CLASS_WORDS`."""
    return teller.listed(teller(f"class_{one}") for one in SERVICE_CLASSES if one in set(classes))


class MessageKinds(Rule, frozen=True, kw_only=True, tag="kinds"):
    """Which kinds of message are written in a thread, and by whom (R-17).

    The server sees a service class and nothing else, so it declines by class. `device_kinds` is what apps
    offer; a device that offers more is found by nobody.
    """

    words = {
        "en": {
            "kind_not_allowed": "Messages of this kind are not part of what is agreed here.",
            "client": "The client writes: {kinds}.",
            "therapist": "The therapist writes: {kinds}.",
            "no_reply": "No answer is promised to: {kinds}.",
            "device_kinds": "Apps offer: {kinds}.",
            "device_text": "texts",
            "device_letter": "letters",
            "device_supportive": "supportive messages",
            "device_progress_update": "progress updates",
            "device_clarification": "clarifications",
            "device_measure": "questionnaires",
            "device_goal": "goals",
            "device_media": "pictures, sound and video",
            "device_propose_session": "appointments",
            "device_other": "other",
            **CLASS_WORDS["en"],
        },
        "de": {
            "kind_not_allowed": "Nachrichten dieser Art gehören hier nicht zu dem, was vereinbart ist.",
            "client": "Die Klientin oder der Klient schreibt: {kinds}.",
            "therapist": "Die Therapeutin oder der Therapeut schreibt: {kinds}.",
            "no_reply": "Keine Antwort wird zugesagt auf: {kinds}.",
            "device_kinds": "Apps bieten an: {kinds}.",
            "device_text": "Texte",
            "device_letter": "Briefe",
            "device_supportive": "unterstützende Nachrichten",
            "device_progress_update": "Berichte über Fortschritte",
            "device_clarification": "Klarstellungen",
            "device_measure": "Fragebögen",
            "device_goal": "Ziele",
            "device_media": "Bilder, Ton und Video",
            "device_propose_session": "Termine",
            "device_other": "anderes",
            **CLASS_WORDS["de"],
        },
    }

    client: tuple[ServiceClassName, ...] = ()
    """What the client and their family may write; empty: everything."""
    therapist: tuple[ServiceClassName, ...] = ()
    """What the therapist's side may write; empty: everything."""
    no_reply: tuple[ServiceClassName, ...] = ()
    """To these no reply time is promised, unless `response.target` has one for the kind itself."""
    device_kinds: tuple[DeviceKind, ...] = ()
    """What apps offer; empty: everything that they can. A safety plan is always offered."""

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            named: tuple[str, ...] = getattr(self, field)
            if len(set(named)) != len(named):
                raise BadRule(field, "a kind is named twice", "name each kind once")

    def expects_reply(self, attempt: Attempt) -> bool:
        """Whether the class of the message wants an answer here."""
        return attempt.kind != "no_reply" and attempt.kind not in self.no_reply

    def offers(self, kind: DeviceKind) -> bool:
        """Whether an app offers to write that."""
        return not self.device_kinds or kind in self.device_kinds

    def weigh(self, case: Case) -> Decision:
        """Asked of other words for what waits as well, but not of what was accepted."""
        if case.attempt.urgent or case.attempt.accepted_before:
            return NOTHING
        field = "client" if case.attempt.by_client else "therapist"
        allowed = self.client if case.attempt.by_client else self.therapist
        if not allowed or case.attempt.kind in allowed:
            return NOTHING
        return because(Reason("kinds", field, "kind_not_allowed"), code="declined")

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        for field in ("client", "therapist", "no_reply"):
            if classes := getattr(self, field):
                yield field, teller(field, kinds=listed_classes(classes, teller))
        if self.device_kinds:
            kinds = teller.listed(teller(f"device_{one}") for one in self.device_kinds)
            yield "device_kinds", teller("device_kinds", kinds=kinds)
