"""Which installation an operator's command is about: the settings, under what the command line says."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from etherapy.server.configuration import read_settings
from etherapy.server.settings import Settings

Function = TypeVar("Function", bound=Callable[..., Any])


def placed(function: Function) -> Function:
    """Options that say where the installation is; `settings_of` makes Settings of them."""
    for option in (
        click.option("--config", type=click.Path(path_type=Path), help="Settings file (TOML)."),
        click.option("--data", type=click.Path(path_type=Path), help="Data directory [ETHERAPY_DATA]."),
    ):
        function = option(function)
    return function


def settings_of(config: Path | None, **given: Any) -> Settings:
    """The settings of environment and file, under what was given on the command line."""
    options = {name: str(value) for name, value in given.items() if value is not None}
    return read_settings(os.environ, config, options)
