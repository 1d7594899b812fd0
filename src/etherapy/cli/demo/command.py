"""`etherapy demo`: tell the story, then leave the stage to whoever watches."""

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from etherapy.cli.demo.audience import instructions, write_commands
from etherapy.cli.demo.people import gather
from etherapy.cli.demo.scene import Scene
from etherapy.cli.demo.stage import Stage, set_stage
from etherapy.cli.demo.story import STORY
from etherapy.cli.demo.telling import DidNotHold, Telling, flush
from etherapy.cli.saying import Refusal, complain


@click.command("demo")
@click.option(
    "--check", is_flag=True, help="Without a person: tell it, stop everything, end with one JSON line."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="A new directory for it, which stays afterwards."
)
def demo(check: bool, data: Path | None) -> None:
    """Watch a message that is sent at night and answered in the morning; everything in it is synthetic."""
    telling = Telling(len(STORY))
    click.echo(click.style("Etherapy: a message sent at night is answered in the morning.", bold=True))
    click.echo("Real server, real PostgreSQL, real encryption, real time zones; invented people.")
    stopped = False
    try:
        with set_stage(data) as stage:
            asyncio.run(_until_told(_play(stage, telling, check)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        stopped = True
    except Refusal as refused:
        complain(refused.problem, refused.mend)
    except DidNotHold as failed:
        complain(f"the story does not hold: {failed}")
    except Exception as error:
        if not check:
            raise
        complain(f"the story broke off: {type(error).__name__}: {error}")
    if check:
        click.echo(telling.finish())
    flush()
    if not telling.held or (stopped and check):
        raise click.exceptions.Exit(130 if stopped else 1)


async def _play(stage: Stage, telling: Telling, check: bool) -> None:
    with gather(stage) as cast:
        scene = Scene(stage, cast, telling)
        for step in STORY:
            with telling.step(step.name, step.title):
                await step.tell(scene)
    if check:
        return
    write_commands(stage)
    click.echo()
    for line in instructions(stage, scene.night):
        click.echo(line)
    flush()
    while stage.running:  # noqa: ASYNC110 - another process, which sets no event of ours
        await asyncio.sleep(0.2)
    complain("the server has ended by itself", f"its log is in {stage.log}")


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """Do the work, and leave it in good order when asked to by SIGTERM as by Ctrl-C."""
    task = asyncio.get_running_loop().create_task(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


COMMANDS = (demo,)
