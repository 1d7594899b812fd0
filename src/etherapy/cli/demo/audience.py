"""After the story: commands with which a person goes on playing, from terminals, with their own words."""

import shlex
import sys
from datetime import timedelta

from etherapy.cli.demo.evening import CLIENT_ZONE, THERAPIST_ZONE, Evening
from etherapy.cli.demo.people import ROLES
from etherapy.cli.demo.stage import Stage
from etherapy.rules.calendar import zone

_WALLS = {"client": CLIENT_ZONE, "therapist": THERAPIST_ZONE, "supervisor": THERAPIST_ZONE, "operator": "UTC"}


def write_commands(stage: Stage) -> None:
    """One short program for each person, so that a terminal needs no settings."""
    kept = {name: value for name, value in stage.environment.items() if name.startswith("ETHERAPY_")}
    kept["PYTHONPATH"] = stage.environment["PYTHONPATH"]
    for role in (*ROLES, "operator"):
        program = stage.place / role
        mine = kept | {"TZ": _WALLS[role], "ETHERAPY_PROFILE": role, "ETHERAPY_PROGRAM": str(program)}
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in mine.items())
        program.write_text(f'#!/bin/sh\nexec env {settings} {shlex.quote(sys.executable)} -m etherapy "$@"\n')
        program.chmod(0o700)


def instructions(stage: Stage, evening: Evening) -> list[str]:
    """What to paste where."""
    client, therapist, supervisor, operator = (
        shlex.quote(str(stage.place / name)) for name in (*ROLES, "operator")
    )
    morning = (evening.next_evening.astimezone(zone(THERAPIST_ZONE)) + timedelta(hours=10)).date()
    return [
        f"The server stays up at {stage.origin} until you press Ctrl-C here.",
        "",
        "Terminal 1, the client in Chicago:",
        f'    {client} preview "How do I begin?"',
        f'    {client} send "In my own words, …"',
        f"    {client} waiting           # what can still be taken back, with: recall ID",
        f"    {client} read",
        "",
        "Terminal 2, the therapist in New York:",
        f"    {therapist} inbox           # empty until the window opens",
        f"    {therapist} read",
        f'    {therapist} reply "Good morning, …"',
        f"    {therapist} follow          # shows what is placed, while others turn the clock",
        "",
        "Terminal 3, the supervisor:",
        f"    {supervisor} supervise settings",
        f"    {supervisor} supervise decisions",
        "",
        "To make it morning, from any terminal (the clock only goes forward):",
        f"    {operator} clock turn --to {morning:%Y-%m-%d}T09:00 --zone {THERAPIST_ZONE}",
        f"    {operator} clock turn --by 1h",
        "",
        "Every command says with --help what it can do.",
    ]
