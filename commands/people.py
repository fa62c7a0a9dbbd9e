"""`cityward people`: who may log in at the console."""

from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import click

from commands.asking import good
from commands.language import Words, language_option, visible
from commands.socket import ask, directory_option
from config.load import socket_of
from config.problems import Language
from feed.http.access import Role

role_option = click.option("--role", type=click.Choice(get_args(Role)), required=True, help="What somebody may.")


@click.group(name="people")
def command() -> None:
    """Say who may log in at the console; for root and the service's own user.

    Roles: viewer (sees), operator (answers alarms, shelves), engineer (also priority 1, out of service, configuration),
    admin (people, tokens, channels), auditor (the whole audit trail).
    """


@command.command(name="list")
@directory_option
@language_option
def listed(directory: Path, language: Language | None) -> None:
    """List everybody."""
    words = Words(language)
    page = good(ask(socket_of(directory), "GET", "/api/v1/people"), words)
    for one in page["people"]:
        notes = [words("停用", "disabled")] if one["disabled"] else []
        notes += [words("一次性密码", "one-time password")] if one["must_change"] else []
        click.echo(f"{visible(one['user']):20} {one['role']:9} {visible(one['name'])}  {' '.join(notes)}".rstrip())
    if not page["people"]:
        click.echo(words("没有人", "there is nobody"))


@command.command
@click.argument("user")
@click.option("--name", help="For people, as in 张三; USER if unsaid.")
@role_option
@directory_option
@language_option
def add(user: str, name: str | None, role: str, directory: Path, language: Language | None) -> None:
    """Let somebody in; prints a one-time password."""
    words = Words(language)
    body = {"user": user, "name": name or user, "role": role}
    _tell(good(ask(socket_of(directory), "POST", "/api/v1/people", body), words), words)


@command.command
@click.argument("user")
@directory_option
@language_option
def reset(user: str, directory: Path, language: Language | None) -> None:
    """Give somebody a one-time password, which is printed; ends his sessions, and lets him in again if disabled."""
    _change(user, {"reset": True, "disabled": False}, directory, Words(language))


@command.command
@click.argument("user")
@directory_option
@language_option
def disable(user: str, directory: Path, language: Language | None) -> None:
    """Let somebody in no more; ends his sessions. What he did stays in the audit trail."""
    _change(user, {"disabled": True}, directory, Words(language))


def _change(user: str, body: dict[str, Any], directory: Path, words: Words) -> None:
    folded = quote(user.strip().casefold(), safe="")
    _tell(good(ask(socket_of(directory), "PATCH", f"/api/v1/people/{folded}", body), words), words)


def _tell(person: dict[str, Any], words: Words) -> None:
    if person["password"]:
        told = f"{person['user']} {person['password']}"
        click.echo(
            words(f"一次性密码（登录后须更改）：{told}", f"One-time password, to be changed at the login: {told}")
        )
    else:
        click.echo(words(f"{person['user']} 已停用", f"{person['user']} is disabled"))
