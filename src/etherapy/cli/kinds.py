"""Commands for what is no plain text: changes, signs, appointments, safety plans, check-ins."""

from collections.abc import Callable
from typing import Literal, TypeVar

import click

from etherapy.cli.drafting import read_plan, read_text
from etherapy.cli.profiles import profiled
from etherapy.cli.saying import Command, Group, Refusal, say
from etherapy.cli.showing import show_message, show_time
from etherapy.cli.speaking import choose_message, choose_view, in_thread, on_wall, refresh, run, speaking
from etherapy.cli.wall import read_wall_time
from etherapy.cli.writing import tell_sent
from etherapy.rules.measure_offers import Offer
from etherapy.sdk.session import Session
from etherapy.sdk.verifying.message import Message, SentMessage
from etherapy.tep.kinds import SafetyPlan

Function = TypeVar("Function", bound=Callable[..., None])

_MESSAGE = click.argument("message")


@click.command("edit", cls=Command)
@_MESSAGE
@click.argument("text", required=False)
@click.option("--subject", help="Another subject, where it is a letter.")
@in_thread
@on_wall
@profiled
def editing(
    message: str, text: str | None, subject: str | None, thread: str | None, zone: str, profile: str
) -> None:
    """Give MESSAGE of yours (the beginning of its id) another wording. Who has read the old one still can."""
    wording = read_text(text)

    async def act(me: Session, chosen: bytes) -> SentMessage:
        return await me.edit(chosen, await choose_message(me, chosen, message), wording, subject)

    tell_sent(profile, zone, thread, act, "Changed; the earlier wording is kept and shown as such.")


@click.command("retract", cls=Command)
@_MESSAGE
@in_thread
@on_wall
@profiled
def retracting(message: str, thread: str | None, zone: str, profile: str) -> None:
    """Take MESSAGE back after it was placed. It is shown as taken back; a held one is better recalled."""

    async def act(me: Session, chosen: bytes) -> SentMessage:
        return await me.retract(chosen, await choose_message(me, chosen, message))

    tell_sent(
        profile, zone, thread, act, "Taken back: it may have been read, and everybody sees that it was here."
    )


@click.command("react", cls=Command)
@_MESSAGE
@click.argument("sign", required=False)
@click.option("--remove", is_flag=True, help="Take your sign away again.")
@in_thread
@on_wall
@profiled
def reacting(
    message: str, sign: str | None, remove: bool, thread: str | None, zone: str, profile: str
) -> None:
    """Put SIGN beside MESSAGE (the beginning of its id), such as 👍, in the place of your earlier one."""
    if remove == (sign is not None):
        raise Refusal("say either a sign or --remove", "for example: etherapy react 3f2a 👍", 2)

    async def act(me: Session, chosen: bytes) -> SentMessage:
        return await me.react(chosen, await choose_message(me, chosen, message, anybodys=True), sign)

    tell_sent(profile, zone, thread, act, "Taken away." if remove else "Put beside it.")


@click.group("appointment", cls=Group)
def appointment() -> None:
    """Propose appointments, and answer them."""


@appointment.command("propose")
@click.argument("start")
@click.option("--minutes", default=50, show_default=True, help="How long.")
@click.option("--place", help="Where.")
@click.option("--note", help="What else is to be said.")
@in_thread
@on_wall
@profiled
def proposing(
    start: str,
    minutes: int,
    place: str | None,
    note: str | None,
    thread: str | None,
    zone: str,
    profile: str,
) -> None:
    """Propose an appointment at START, such as "2026-06-09 10:00", on the wall of --zone."""
    at = read_wall_time(start, zone)

    async def act(me: Session, chosen: bytes) -> SentMessage:
        return await me.propose_appointment(chosen, at, minutes, zone=zone, place=place, note=note)

    tell_sent(profile, zone, thread, act)


def _answering(name: Literal["accept", "decline", "cancel"], words: str, done: str) -> None:
    @appointment.command(name, help=words)
    @_MESSAGE
    @click.option("--note", help="What else is to be said.")
    @in_thread
    @on_wall
    @profiled
    def answer(message: str, note: str | None, thread: str | None, zone: str, profile: str) -> None:
        async def act(me: Session, chosen: bytes) -> SentMessage:
            proposal = await choose_message(me, chosen, message, anybodys=True)
            return await me.answer_appointment(chosen, proposal, name, note)

        tell_sent(profile, zone, thread, act, done)


_answering("accept", "Accept the appointment that MESSAGE proposes.", "Accepted.")
_answering("decline", "Decline the appointment that MESSAGE proposes.", "Declined.")
_answering("cancel", "Cancel an appointment that you proposed or accepted.", "Cancelled.")


@click.group("plan", cls=Group)
def plan() -> None:
    """The safety plan: what helps, whom to ask, where to turn, step by step."""


def _with_steps(function: Function) -> Function:
    """One repeatable option for each step of a plan."""
    for name, words in reversed(SafetyPlan.step_names().items()):
        function = click.option(f"--{name}", multiple=True, help=f"{words}; may be repeated.")(function)
    return function


@plan.command("share")
@_with_steps
@in_thread
@on_wall
@profiled
def sharing(thread: str | None, zone: str, profile: str, **steps: tuple[str, ...]) -> None:
    """Share a safety plan as its next version. Without options: write it in your editor, or pipe it in."""

    async def act(me: Session, chosen: bytes) -> SentMessage:
        given = {name: entries for name, entries in steps.items() if entries}
        before = await me.safety_plan(chosen)
        known = before.body if before is not None and isinstance(before.body, SafetyPlan) else None
        return await me.share_safety_plan(chosen, given or read_plan(known))

    tell_sent(profile, zone, thread, act)


@plan.command("show")
@in_thread
@on_wall
@profiled
def showing(thread: str | None, zone: str, profile: str) -> None:
    """The safety plan in force."""
    found = run(_show_plan(profile, thread))
    if found is None or not isinstance(found.body, SafetyPlan):
        say("There is no safety plan yet. To share one: etherapy plan share", None)
        return
    steps = {name: list(getattr(found.body, name)) for name in SafetyPlan.step_names()}
    document = {"mid": found.mid.hex(), "version": found.body.version, "placed_at": found.placed_at} | steps
    say(show_message(found, zone), document)


async def _show_plan(profile: str, thread: str | None) -> Message | None:
    async with speaking(profile, Session) as me:
        await refresh(me)
        return await me.safety_plan((await choose_view(me, thread)).thread)


@click.command("check-in", cls=Command)
@click.argument("instrument")
@click.option("--answer", "answers", multiple=True, metavar="ITEM=SCORE", help="May be repeated.")
@click.option("--score", "scores", multiple=True, metavar="NAME=SCORE", help="May be repeated.")
@click.option("--taken", help='When it was filled in, such as "2026-06-09 10:00"; else now.')
@click.option("--when", is_flag=True, help="Send nothing: say whether it is to be filled in now.")
@in_thread
@on_wall
@profiled
def checking_in(
    instrument: str,
    answers: tuple[str, ...],
    scores: tuple[str, ...],
    taken: str | None,
    when: bool,
    thread: str | None,
    zone: str,
    profile: str,
) -> None:
    """Share a questionnaire's answers, such as: check-in phq-9 --answer 1=2 --answer 2=0 --score total=2."""
    if when:
        offer = run(_offer(profile, thread, instrument))
        later = f" From {show_time(offer.next_at, zone)} on it can." if offer.next_at else ""
        say(_OFFERED[offer.why] + later, offer)
        return
    at = read_wall_time(taken, zone) if taken else None
    rows = {int(item): score for item, score in _pairs(answers, str.isdecimal).items()}
    totals = _pairs(scores, lambda name: bool(name))

    async def act(me: Session, chosen: bytes) -> SentMessage:
        return await me.check_in(chosen, instrument, rows, totals, at)

    tell_sent(profile, zone, thread, act)


async def _offer(profile: str, thread: str | None, instrument: str) -> Offer:
    async with speaking(profile, Session) as me:
        await refresh(me)
        return await me.measure_offer((await choose_view(me, thread)).thread, instrument)


_OFFERED = {
    "offered": "It can be filled in now.",
    "not_due": "It need not be filled in now.",
    "schedule_over": "It need not be filled in: no further date is agreed.",
    "opening_too_far": "It cannot be filled in now: some of its questions are about danger, and it opens too "
    "late.",
    "no_opening": "It cannot be filled in now: some of its questions are about danger, and no opening "
    "is known.",
}
"""Why a questionnaire is offered or is not."""


def _pairs(given: tuple[str, ...], is_name: Callable[[str], bool]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in given:
        name, _, score = one.partition("=")
        if not is_name(name) or not score.isdecimal():
            raise Refusal(f"{one} is not an answer", "write for example --answer 1=2 or --score total=2", 2)
        found[name] = int(score)
    return found


COMMANDS = (editing, retracting, reacting, appointment, plan, checking_in)
