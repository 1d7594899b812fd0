"""Whose device a command speaks for: profiles in the user's data directory (decisions.md D-33)."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from etherapy.cli.saying import Refusal

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def profiled(function: Function) -> Function:
    """The option that names the profile."""
    return click.option(
        "--profile",
        envvar="ETHERAPY_PROFILE",
        default=DEFAULT,
        show_default=True,
        help="Whose device this is, on this machine [ETHERAPY_PROFILE].",
    )(function)


def typed(command: str, profile: str | None = None) -> str:
    """A command as this person would type it here, with the profile where that must be said.

    ETHERAPY_PROGRAM is the name of a program that stands in front of this one, as those of the demo do.
    """
    other = "" if profile in (None, os.environ.get("ETHERAPY_PROFILE", DEFAULT)) else f" --profile {profile}"
    return f"{os.environ.get('ETHERAPY_PROGRAM', 'etherapy')} {command}{other}"


def profile_place(name: str) -> Path:
    """The directory of a profile; Refusal for a name that could not be a plain directory."""
    if not _NAME.fullmatch(name):
        raise Refusal(f"{name!r} cannot be the name of a profile", "use letters, digits, - and _", 2)
    return profiles_directory() / name


def profiles_directory() -> Path:
    """Where all profiles are: ETHERAPY_PROFILES, or the place that the system has for a user's data."""
    if given := os.environ.get("ETHERAPY_PROFILES"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "etherapy" / "profiles"
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    home = data if data.is_absolute() else Path.home() / ".local" / "share"
    return home / "etherapy" / "profiles"
