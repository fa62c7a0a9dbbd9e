"""The command line: one short file per command, imported only when it is asked for."""

from importlib import import_module
from typing import Any

import click

from config.apart import NoFilesError

# (name, module): the module has a click command of the name `command`.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("demo", "commands.demo"),
    ("run", "commands.run"),
    ("check", "commands.check"),
    ("rules", "commands.rules"),
    ("devices", "commands.devices"),
    ("new-device", "commands.new_device"),
    ("plan", "commands.plan"),
    ("reload", "commands.reload"),
    ("inbox", "commands.inbox"),
    ("walk", "commands.walk"),
    ("permit", "commands.permit"),
    ("people", "commands.people"),
    ("audit", "commands.audit"),
    ("probe", "commands.probe"),
    ("doctor", "commands.doctor"),
    ("backtest", "commands.backtest"),
    ("shadow", "commands.shadow"),
    ("explain", "commands.explain"),
    ("report", "commands.report"),
    ("redecode", "commands.redecode"),
    ("decode", "commands.decode"),
    ("journal", "commands.journal"),
    ("ledger", "commands.ledger"),
    ("simulate", "commands.simulate"),
)


class LateCommands(click.Group):
    """Finds a command when it is called: `cityward decode` must not wait for a web server to be imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table, which is the order in which people meet them."""
        del ctx
        return [name for name, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command that is meant."""
        del ctx
        module = dict(COMMANDS).get(cmd_name)
        if module is None:
            return None
        command = import_module(module).command
        assert isinstance(command, click.Command), f"{module}.command is no click command"  # noqa: S101 - our own slip
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Carry a command out; a directory that holds no configuration is a slip of the pen, said in a sentence."""
        try:
            return super().invoke(ctx)
        except NoFilesError as error:
            raise click.ClickException(str(error)) from None


@click.group(name="cityward", cls=LateCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("0.1.0", prog_name="cityward")
def main() -> None:
    """Cityward reads the sensors of a city and gives its control room one alarm feed that can prove it is complete."""
