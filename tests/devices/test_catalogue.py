"""The lists of what there is, and what is said of what there is not."""

import re
from pathlib import Path

import pytest

from devices import catalogue
from tests.devices.captures import FOLDER, counts


def test_every_file_of_a_model_is_listed_and_has_its_captures() -> None:
    files = {path.stem for path in FOLDER.glob("*.py") if "\nMODEL: Model = " in path.read_text(encoding="utf-8")}
    assert files == {name.replace("-", "_") for name in catalogue.MODELS}
    assert files == {path.name.removesuffix(".captures.yaml") for path in FOLDER.glob("*.captures.yaml")}


def test_ids_are_those_of_the_declarations() -> None:
    assert all(name == model.id for name, model in catalogue.MODELS.items())
    assert all(name == envelope.id for name, envelope in catalogue.ENVELOPES.items())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bosch-tsp110", "no model 'bosch-tsp110'; did you mean bosch-tps110?"),
        ("x", f"no model 'x'; there are {', '.join(catalogue.MODELS)}"),
    ],
)
def test_unknown_models(name: str, said: str) -> None:
    with pytest.raises(KeyError, match=re.escape(said)):
        catalogue.model(name)


def test_unknown_envelopes_and_addresses_that_they_do_not_take() -> None:
    with pytest.raises(KeyError, match="did you mean chirpstack-v4"):
        catalogue.envelope("chirpstack-v5")
    with pytest.raises(ValueError, match="neither `topic N` nor `field NAME`"):
        catalogue.envelope("plain", "level 2")
    with pytest.raises(ValueError, match="knows its addresses itself"):
        catalogue.envelope("chirpstack-v4", "topic 2")


def test_the_readme_shows_what_is_supported(root: Path) -> None:
    readme = root / "README.md"
    if not readme.exists() or "| model | family |" not in (text := readme.read_text(encoding="utf-8")):
        pytest.skip("no table of supported devices in README.md")
    table = catalogue.supported_table(counts())
    assert table in text, "README.md is behind: `python -m tests.devices.captures` puts the table in"
