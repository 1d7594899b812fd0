"""`etherapy findings`: what was not as it should be, what may be behind it, what to do, and the proof."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import Command, count, remark, say
from etherapy.cli.speaking import logged_in, open_profile, run
from etherapy.protocol.problem import Problem
from etherapy.sdk.faults import DeviceFault
from etherapy.sdk.findings import Finding, write_finding
from etherapy.sdk.session import Session
from etherapy.sdk.transport import Garbled, Unreachable


@click.command("findings", cls=Command)
@click.option(
    "--export",
    "place",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write each finding with its proof into, to be shown to others.",
)
@profiled
def findings(place: Path | None, profile: str) -> None:
    """What did not hold, the grave ones first: what it means, what to do, the proof. Works offline, too."""
    found = run(_findings(profile))
    files = _export(found, place) if place else [None] * len(found)
    shown = list(zip(found, files, strict=True))
    lines = [line for one, file in shown for line in _show(one, file)]
    if found and place is None:
        command = typed("findings --export DIRECTORY", profile)
        lines.append(f"To keep the proof of {count(len(found), 'finding')} in files: {command}")
    say(
        lines or ["Nothing was found. Whatever was checked holds."],
        [msgspec.json.decode(write_finding(one)) | {"grave": one.grave, "file": file} for one, file in shown],
    )


async def _findings(profile: str) -> list[Finding]:
    """What is kept, and what the threads say when they are read anew; the server may refuse or be away."""
    with await open_profile(profile) as kept:
        found = list(kept.kept.alarms)
        try:
            async with logged_in(kept, Session) as me:
                found += [one for one in (await me.sync()).findings if one not in found]
                for view in await me.threads():
                    desk = me.desk(view.thread)
                    found += [one for one in desk.log.findings if one not in found]
        except (DeviceFault, Problem, Unreachable, Garbled) as away:
            remark(f"Only what is kept on this device is shown: {away}")
    return sorted(found, key=lambda one: not one.grave)


def _export(found: Sequence[Finding], place: Path) -> list[str]:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = []
    for number, one in enumerate(found, 1):
        file = place / f"{number:03}-{one.kind.value}.json"
        file.write_bytes(write_finding(one))
        files.append(str(file))
    return files


def _show(one: Finding, file: str | None) -> Iterator[str]:
    where = f"  (thread {one.thread.hex()[:8]}" if one.thread else ""
    where += f", position {one.n})" if where and one.n is not None else ")" if where else ""
    yield f"{'ALARM' if one.grave else 'Notice'}: {one.words}{where}"
    yield f"  what it means: {one.kind.cause}"
    yield f"  what to do: {one.kind.mend}"
    pieces = ", ".join(sorted(one.proof)) or "none"
    yield f"  proof: {file}" if file else f"  proof: {pieces}"


COMMANDS = (findings,)
