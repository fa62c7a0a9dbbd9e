"""Milesight gateways (UG56, UG65, UG67) with their built-in network server: JSON of ChirpStack's older kind.

Source: Milesight "UG65 user guide", MQTT data transmission; samples in thingsboard/data-converters and
Milesight-IoT/SensorDecoders. The topic is the engineer's own choice. Payloads in base64.

    {"applicationID":1,"devEUI":"24e1...","time":"...","rxInfo":[{"mac":"...","rssi":-57,"loRaSNR":10}],"fCnt":0,"fPort":85,"data":"..."}

Where a payload codec is set in the gateway, the message is whatever that codec returns: then it is `plain`.
"""

from devices.envelopes import Envelope, Uplink, messages
from devices.envelopes.chirpstack_v3 import decode_message, opened
from devices.readings import Facts, Refusal


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open an uplink; join, status and acknowledgement are facts."""
    message = messages.read(payload, decode_message, lambda found: "devEUI" in found, "a Milesight gateway")
    if isinstance(message, Refusal):
        return message
    if not message.milesight:
        return Refusal("not_mine", "of ChirpStack v3: envelope chirpstack-v3")
    return opened(message, payload, topic.decode("utf-8", "replace").rpartition("/")[2])


ENVELOPE = Envelope(
    id="milesight-gateway", scheme="eui", platform_time=True, address_of=messages.no_address, open=open_message
)
