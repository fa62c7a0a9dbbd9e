"""`cityward reload`: have the running daemon take over the configuration files, all or nothing."""

from pathlib import Path

import click

from commands.language import Words, language_option
from commands.socket import ask
from config.load import socket_of
from config.problems import Language


@click.command
@click.argument("directory", type=click.Path(path_type=Path), default=Path("/etc/cityward"))
@click.option("--socket", type=click.Path(path_type=Path), help="The daemon's Unix socket; else as DIRECTORY says.")
@click.option("--undo", is_flag=True, help="Go back to the configuration before; the files stay as they are.")
@language_option
def command(directory: Path, socket: Path | None, language: Language | None, *, undo: bool) -> None:
    """Have the running daemon put its configuration files in force.

    It takes all of them or, when anything in them is wrong, none: then it names every problem and goes on as before.
    DIRECTORY only tells where the daemon's socket is.

    --undo puts in force what was in force before, also if the files are wrong by now. It does not touch the files:
    until they are changed or reloaded they are not in force, also after a restart, and the alarm config-differs says
    so. Undone twice is done again.
    """
    words = Words(language)
    status, answer = ask(socket or socket_of(directory), "POST", f"/api/v1/reload{'/undo' if undo else ''}")
    for problem in answer.get("problems", []):
        click.echo(problem)
    if status != 200:  # noqa: PLR2004 - OK
        why = answer.get("text", {}).get(words.language, answer.get("detail", status))
        raise click.ClickException(
            words(f"被拒绝，原配置继续生效：{why}", f"refused, the former configuration stays in force: {why}")
        )
    in_force = str(answer.get("hash", ""))[:12]
    click.echo(words(f"已生效：配置 {in_force}。", f"In force: configuration {in_force}."))
    if answer.get("differs"):
        click.echo(
            words(
                f"{directory} 中的文件与此不同，未生效：`cityward plan` 列出差别；改好后执行 `cityward reload`。",
                f"The files in {directory} say otherwise and are not in force: `cityward plan` shows how; mend them, "
                "then `cityward reload`.",
            )
        )
