"""Commands of those who audit: settings and decisions, held against the signed log; no content (D-17)."""

import click

from etherapy.cli.profiles import profiled
from etherapy.cli.record_words import show_record
from etherapy.cli.saying import Group, say
from etherapy.cli.showing import show_time
from etherapy.cli.speaking import on_wall, run, speaking, warn
from etherapy.protocol.supervision import Setting
from etherapy.protocol.tasks import OpenTask
from etherapy.rules.written import tell_documents
from etherapy.sdk.supervisor import AuditedRecord, Supervisor


@click.group("supervise", cls=Group)
def supervise() -> None:
    """What supervisors see: settings and decisions, and never a word of content."""


@supervise.command("settings")
@on_wall
@profiled
def settings(zone: str, profile: str) -> None:
    """The rules in force, of the practice and of each therapist."""
    found = run(_settings(profile))
    lines = []
    for one in found:
        lines.append(f"{one.name}, version {one.version} since {show_time(one.created_at, zone)}")
        lines += [f"    {line}" for line in tell_documents(one.rules)]
    say(lines or ["No rules have been written."], found)


async def _settings(profile: str) -> list[Setting]:
    async with speaking(profile, Supervisor) as board:
        return await board.settings()


@supervise.command("decisions")
@click.option("--last", default=30, show_default=True, help="How many records.")
@on_wall
@profiled
def decisions(last: int, zone: str, profile: str) -> None:
    """What was decided, under pseudonyms; each record is held against the signed log."""
    found = run(_decisions(profile))[-last:]
    lines = [line for one in found for line in show_record(one, zone)]
    say(lines or ["Nothing has been logged yet."], found)


async def _decisions(profile: str) -> list[AuditedRecord]:
    async with speaking(profile, Supervisor) as board:
        found = await board.decisions()
        warn(list(board.findings))
        return found


@supervise.command("tasks")
@on_wall
@profiled
def open_tasks(zone: str, profile: str) -> None:
    """What is still to be done in the practice: by whom, by when."""
    found = run(_open_tasks(profile))
    lines = [
        f"{show_time(one.due_at, zone)}  {one.whose}: {one.kind.replace('_', ' ')}"
        f"{f' {one.subject}' if one.subject else ''}{f' (thread {one.thread})' if one.thread else ''}"
        for one in found
    ]
    say(lines or ["Nothing is to be done."], found)


async def _open_tasks(profile: str) -> list[OpenTask]:
    async with speaking(profile, Supervisor) as board:
        return await board.open_tasks()


COMMANDS = (supervise,)
