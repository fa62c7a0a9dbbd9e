"""What a decoder reads out of any frame, its encoder says, and it is read again; for every model in the list."""

import pytest

from devices import catalogue
from devices.models import Model
from devices.readings import Facts, Refusal, Values, without_insane
from tests.devices.test_mutations import mutants
from tests.devices.test_round_trips import told

MANY = 5_000
PARTS = {"modbus-dust"}  # an answer may hold a part of its map, the encoder answers the whole
SHARED = {"battery_v", "battery_pct", "battery_low", "rsrp_dbm", "sinr_db", "latitude_deg", "longitude_deg"}
NOT_SAID = {  # what comes alone in other kinds of frames than the one that the encoder makes
    "dingtek-do20x": {"rsrp_dbm", "sinr_db"},  # over NB-IoT
    "dingtek-dc41x": {"rsrp_dbm", "battery_v", "latitude_deg", "longitude_deg"},  # over NB-IoT
    "ctwing-parking": {*SHARED, "magnetic_alarm"},  # events; what all CTWing models say is refused alone
    "ctwing-manhole": SHARED,
}


@pytest.mark.parametrize("model", [m for m in catalogue.MODELS.values() if m.id not in PARTS], ids=lambda m: m.id)
def test_said_again(model: Model) -> None:
    said_again = 0
    for frame, port, options in mutants(model, seed=9, many=MANY):
        said = model.decode(frame, port, options)
        if isinstance(said, list):
            said = said[0][1]
        if isinstance(said, Facts | Refusal) or without_insane(said) or said.flags:
            continue
        wanted = {name: value for name, value in told(said).items() if name not in NOT_SAID.get(model.id, ())}
        if not wanted:
            continue
        port_again, frame_again = model.encode(said, options)
        again = model.decode(frame_again, port_again, options)
        if isinstance(again, list):
            again = again[0][1]
        if isinstance(again, Refusal) and again.reason == "warm_up":
            continue
        assert isinstance(again, Values), (frame.hex(), frame_again.hex(), again)
        found = told(again)
        words = {name: value for name, value in wanted.items() if isinstance(value, str)}
        assert {name: found.get(name) for name in words} == words
        numbers = {name: value for name, value in wanted.items() if name not in words}
        assert {name: found.get(name) for name in numbers} == pytest.approx(numbers, rel=1e-6, abs=1e-6), frame.hex()
        said_again += 1
    assert said_again > MANY / 200
