"""What there is: the visible lists of models and envelopes, and the table of supported devices made of them."""

from collections.abc import Mapping
from difflib import get_close_matches

from msgspec import json

from devices.envelopes import (
    Envelope,
    Uplink,
    chirpstack_v3,
    chirpstack_v4,
    ctwing,
    helium,
    hj212,
    huawei_iotda,
    huawei_oceanconnect,
    loriot,
    milesight_gateway,
    onenet,
    onenet_onejson,
    plain,
    raw,
    the_things_stack,
    thingpark,
)
from devices.models import (
    Model,
    bosch_tps110,
    ctwing_manhole,
    ctwing_parking,
    decentlab,
    dingtek_dc41x,
    dingtek_do20x,
    elsys,
    hj212_dust,
    honeywell_hpma,
    milesight_iot,
    modbus_dust,
    netvox,
    nova_sds,
    nwave_nps,
    plantower_pms,
    pni_placepod,
    sensirion_sps30,
    tekzitel_tekzipark,
)
from devices.models import plain as plain_model
from devices.readings import Facts, Refusal

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        # parking
        ctwing_parking.MODEL,
        bosch_tps110.MODEL,
        tekzitel_tekzipark.MODEL,
        pni_placepod.MODEL,
        nwave_nps.MODEL,
        dingtek_do20x.MODEL,
        # manholes
        ctwing_manhole.MODEL,
        dingtek_dc41x.MODEL,
        elsys.MODEL,
        decentlab.MODEL,
        milesight_iot.MODEL,
        netvox.MODEL,
        # dust
        modbus_dust.MODEL,
        plantower_pms.MODEL,
        nova_sds.MODEL,
        sensirion_sps30.MODEL,
        honeywell_hpma.MODEL,
        hj212_dust.MODEL,
        # anything
        plain_model.MODEL,
    )
}

PLATFORMS: tuple[Envelope, ...] = (
    # LoRaWAN network servers
    chirpstack_v4.ENVELOPE,
    chirpstack_v3.ENVELOPE,
    the_things_stack.ENVELOPE,
    milesight_gateway.ENVELOPE,
    thingpark.ENVELOPE,
    loriot.ENVELOPE,
    helium.ENVELOPE,
    # NB-IoT platforms
    ctwing.ENVELOPE,
    huawei_oceanconnect.ENVELOPE,
    huawei_iotda.ENVELOPE,
    onenet.ENVELOPE,
    onenet_onejson.ENVELOPE,
)
"""Envelopes that know their own messages: each refuses those of all others as `not_mine`."""

ENVELOPES: dict[str, Envelope] = {
    envelope.id: envelope
    for envelope in (
        *PLATFORMS,
        plain.ENVELOPE,
        # of sources that need no choice: HJ 212 listeners and serial lines
        hj212.ENVELOPE,
        raw.MODBUS,
        raw.LINE,
    )
}


def close_matches(name: str, known: dict[str, Model] | dict[str, Envelope]) -> list[str]:
    """Return what was probably meant, best first."""
    return get_close_matches(name, known, n=3, cutoff=0.5)


def model(name: str) -> Model:
    """Return a model by its id. Raises KeyError with what was probably meant."""
    found = MODELS.get(name)
    if found is None:
        raise KeyError(f"no model {name!r}{_meant(close_matches(name, MODELS), MODELS)}")
    return found


def envelope(name: str, address: str = "") -> Envelope:
    """Return an envelope by its id; address: where the route says that it stands, for `plain` only.

    Raises KeyError for a name that is not there, ValueError for an address that this envelope does not take.
    """
    found = ENVELOPES.get(name)
    if found is None:
        raise KeyError(f"no envelope {name!r}{_meant(close_matches(name, ENVELOPES), ENVELOPES)}")
    if not address:
        return found
    if name != plain.ENVELOPE.id:
        raise ValueError(f"envelope {name} knows its addresses itself; take `address: {address}` away")
    return plain.plain_envelope(address)


def _meant(near: list[str], known: dict[str, Model] | dict[str, Envelope]) -> str:
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


def opened(topic: bytes, payload: bytes) -> tuple[Envelope, Uplink | Facts | Refusal] | None:
    """Find out which platform sent a message, by trial; None: none that we know, or no JSON at all."""
    try:
        json.decode(payload)
    except (ValueError, RecursionError):
        return None
    for envelope in PLATFORMS:
        said = envelope.open(topic, payload)
        if not isinstance(said, Refusal) or said.reason != "not_mine":
            return envelope, said
    return None


def supported_table(captures: Mapping[str, int]) -> str:
    """Make the README's table of supported devices; captures: how many frames of known meaning each model has."""
    rows = [
        f"| `{model.id}` | {model.family} | {model.title} | {captures.get(model.id, 0)} | {model.source} |"
        for model in MODELS.values()
    ]
    head = ["| model | family | devices | captures | source of the format |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"
