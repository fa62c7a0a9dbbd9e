"""`cityward new-device`: a device of one model as YAML, to be filled in."""

import click

from commands.language import Words, language_option
from config.problems import Language, closest, listed
from config.template import template
from devices import catalogue


@click.command("new-device")
@click.argument("model")
@language_option
def command(model: str, language: Language | None) -> None:
    """Print a file for devices.d/ with one device of MODEL, every key and option of it explained.

    What must be filled in stands in <…>. What it measures, which addresses fit and which variants there are is said in
    comments, in the language of the system or that of --lang.
    """
    words = Words(language)
    found = catalogue.MODELS.get(model)
    if found is None:
        guess = closest(model, catalogue.MODELS)
        meant = words(f"是不是想写 {guess}？", f" Did you mean {guess}?") if guess else ""
        known = listed(catalogue.MODELS)
        raise click.ClickException(
            words(f"没有型号 {model}。{meant}可用：{known}", f"there is no model {model}.{meant} There are: {known}")
        )
    click.echo(template(found, words.language), nl=False)
