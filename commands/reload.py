"""`cityward reload`: have the running daemon take over the configuration files, all or nothing."""

from pathlib import Path

import click

from commands.socket import ask
from config.load import socket_of


@click.command
@click.argument("directory", type=click.Path(path_type=Path), default=Path("/etc/cityward"))
@click.option("--socket", type=click.Path(path_type=Path), help="The daemon's Unix socket; else as DIRECTORY says.")
def command(directory: Path, socket: Path | None) -> None:
    """Have the running daemon put its configuration files in force.

    It takes all of them or, when anything in them is wrong, none: then it names every problem and goes on as before.
    DIRECTORY only tells where the daemon's socket is.
    """
    status, answer = ask(socket or socket_of(directory), "POST", "/api/v1/reload")
    for problem in answer.get("problems", []):
        click.echo(problem)
    if status == 200:  # noqa: PLR2004 - OK
        click.echo(f"In force: configuration {str(answer.get('hash', ''))[:12]}.")
        return
    raise click.ClickException(f"refused, the former configuration stays in force: {answer.get('detail', status)}")
