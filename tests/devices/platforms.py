"""What platforms send, one message each as their documentation prints it, and what it says."""

import json
from typing import Any, NamedTuple

from devices.envelopes import Uplink

EUI = "24e124126a148401"
FRAME = bytes.fromhex("800001021106a400160100000000010081")  # a Dingtek DC410
BASE64 = "gAABAhEGpAAWAQAAAAABAIE="
AT_MS = 1_658_136_855_775
AT = "2022-07-18T09:34:15.775023242Z"
LWM2M = {"tenantId": "2000015719", "protocol": "lwm2m", "productId": "10095421", "IMEI": "861800000007127"}
CTWING = {"deviceId": "DF5BC90025BD4985", "timestamp": AT_MS, **LWM2M}
HUAWEI = {"deviceId": "7BF90EDF-eabf", "gatewayId": "7BF90EDF-eabf", "requestId": None}


class Sent(NamedTuple):
    """A message and what it is: an uplink, or the word for an event."""

    envelope: str
    topic: str
    message: dict[str, Any]
    said: Uplink | str
    address: str = EUI

    @property
    def payload(self) -> bytes:
        """The message as it comes."""
        return json.dumps(self.message).encode()


def _radio(**more: Any) -> Uplink:  # noqa: ANN401 - of an uplink
    usual: dict[str, Any] = {"address": EUI, "port": 3, "payload": FRAME, "time_ms": AT_MS, "counter": 7}
    return Uplink(**{**usual, "rssi_dbm": -57.0, "snr_db": 9.5, **more})


def _push(text: dict[str, Any]) -> dict[str, Any]:
    return {"msg": json.dumps(text), "signature": "xxxx==", "time": AT_MS, "id": "1", "nonce": "xxx"}


_V4 = f"application/17c82e96-be03-4f38/device/{EUI}/event/up"
_V3 = f"application/1/device/{EUI}/event/up"
_TTS: dict[str, Any] = {
    "end_device_ids": {"device_id": "well-1", "application_ids": {"application_id": "wells"}, "dev_eui": EUI.upper()},
    "correlation_ids": ["as:up:01E0WZGT6Y7657CPFPE5WEYDSQ"],
    "received_at": "2022-07-18T09:34:15.980Z",
}

UPLINKS = [
    Sent(
        "chirpstack-v4",
        _V4,
        {
            "deduplicationId": "3ac7e3c4",
            "time": AT,
            "deviceInfo": {"tenantName": "ChirpStack", "devEui": EUI, "tags": {"key": "value"}},
            "fCnt": 7,
            "fPort": 3,
            "data": BASE64,
            "rxInfo": [{"rssi": -57, "snr": 9.5}, {"rssi": -90}],
        },
        _radio(),
    ),
    Sent(
        "chirpstack-v3",
        _V3,
        {
            "applicationID": "1",
            "deviceName": "well-1",
            "devEUI": EUI,
            "rxInfo": [
                {"gatewayID": "03", "time": None, "rssi": -110, "loRaSNR": 3},
                {"gatewayID": "04", "time": AT, "rssi": -57, "loRaSNR": 9.5},
            ],
            "txInfo": {"frequency": 868100000, "dr": 5},
            "fCnt": 7,
            "fPort": 3,
            "data": BASE64,
            "object": {"level": 1700},
        },
        _radio(),
    ),
    Sent(
        "chirpstack-v3",  # Protobuf as JSON: EUIs in base64, the decoded object as a text, nothing but publishedAt
        f"application/1/device/{EUI}/rx",
        {
            "applicationID": "1",
            "devEUI": "JOEkEmoUhAE=",
            "rxInfo": [{"gatewayID": "AwMDAwMDAwM=", "time": None, "rssi": -57, "loRaSNR": 9.5, "context": "9u/uvA=="}],
            "adr": True,
            "fCnt": 7,
            "fPort": 3,
            "data": BASE64,
            "objectJSON": '{"level":1700}',
            "confirmedUplink": False,
            "devAddr": "AAAAAA==",
            "publishedAt": AT,
        },
        _radio(),
    ),
    Sent(
        "the-things-stack",
        "v3/wells@ttn/devices/well-1/up",
        {
            **_TTS,
            "uplink_message": {
                "session_key_id": "AXA50tHUGUucuzS/bCGMNw==",
                "f_port": 3,
                "f_cnt": 7,
                "frm_payload": BASE64,
                "decoded_payload": {"level": "1700 mm"},
                "rx_metadata": [
                    {"gateway_ids": {"gateway_id": "g1"}, "rssi": -57, "channel_rssi": -57, "snr": 9.5},
                    {"gateway_ids": {"gateway_id": "packetbroker"}, "packet_broker": {}, "rssi": -80},
                ],
                "settings": {"data_rate": {"lora": {"spreading_factor": 7}}, "frequency": "868300000"},
                "received_at": AT,
            },
        },
        _radio(),
    ),
    Sent(
        "milesight-gateway",
        "street/uplink",
        {
            "applicationID": 1,
            "devEUI": EUI,
            "time": AT,
            "rxInfo": [{"mac": "24e124fffef021be", "rssi": -57, "loRaSNR": 9.5, "name": "local_gateway"}],
            "fCnt": 7,
            "fPort": 3,
            "data": BASE64,
        },
        _radio(),
    ),
    Sent(
        "thingpark",
        "",
        {
            "DevEUI_uplink": {
                "Time": "2022-07-18T11:34:15.775+02:00",
                "DevEUI": EUI.upper(),
                "FPort": 3,
                "FCntUp": 7,
                "payload_hex": FRAME.hex(),
                "LrrRSSI": -114.0,
                "Late": 0,
                "Lrrs": {"Lrr": [{"LrrRSSI": -114.0, "LrrSNR": 2}, {"LrrRSSI": -57.0, "LrrSNR": 9.5}]},
            }
        },
        _radio(),
    ),
    Sent(
        "thingpark",  # an older release: every number is a text; kept by a base station that was cut off
        "",
        {
            "DevEUI_uplink": {
                "Time": "2022-07-18T11:34:15.775+02:00",
                "DevEUI": EUI.upper(),
                "FPort": "3",
                "FCntUp": "7",
                "payload_hex": FRAME.hex(),
                "LrrRSSI": "-57.000000",
                "LrrSNR": "9.500000",
                "Late": "1",
            }
        },
        _radio(resent=True),
    ),
    Sent(
        "loriot",
        "",
        {
            "cmd": "gw", "seqno": 4, "EUI": EUI.upper(), "ts": AT_MS, "fcnt": 7, "port": 3, "bat": 143,
            "gws": [{"rssi": -112, "snr": -2, "gweui": "10"}, {"rssi": -57, "snr": 9.5, "gweui": "11"}],
            "data": FRAME.hex().upper(),
        },
        _radio(),
    ),
    Sent(
        "loriot",  # the same at once; here out of the cache
        "",
        {
            "cmd": "rx", "seqno": 4, "EUI": EUI.upper(), "ts": AT_MS, "fcnt": 7, "port": 3, "rssi": -57, "snr": 9.5,
            "ack": False, "offline": True, "data": FRAME.hex(),
        },
        _radio(resent=True),
    ),
    Sent(
        "helium",
        "helium/4bb0d8a4/rx",
        {
            "dev_eui": EUI.upper(), "fcnt": 7, "port": 3, "payload": BASE64, "reported_at": AT_MS, "replay": True,
            "hotspots": [{"name": "dusty-bay", "rssi": -57, "snr": 9.5}, {"name": "icy-hippo", "rssi": -120, "snr": 1}],
        },
        _radio(resent=True),
    ),
    Sent(
        "ctwing",
        "",
        {
            "upPacketSN": -1, "upDataSN": -1, "topic": "v1/up/ad19", "messageType": "dataReport", "serviceId": 4,
            "payload": {"manhole_cover_open_state": 0, "lean_angle": 82}, "IMSI": "undefined", **CTWING,
        },
        Uplink(
            address="df5bc90025bd4985",
            imei="861800000007127",
            values={"manhole_cover_open_state": 0, "lean_angle": 82},
            service=4,
            time_ms=AT_MS,
        ),
    ),
    Sent(
        "ctwing",
        "",
        {
            "messageType": "eventReport", "serviceId": "1001", "eventType": 2,
            "eventContent": {"manhole_cover_position_state": 1}, **CTWING,
        },
        Uplink(
            address="df5bc90025bd4985",
            imei="861800000007127",
            values={"manhole_cover_position_state": 1},
            service=1001,
            time_ms=AT_MS,
        ),
    ),
    Sent(
        "ctwing",
        "",
        {
            "upPacketSN": "", "topic": "v1/up/ad", "messageType": "dataReport", "serviceId": "",
            "payload": {"APPdata": BASE64}, **CTWING, "IMEI": "undefined",
        },
        Uplink(address="df5bc90025bd4985", payload=FRAME, time_ms=AT_MS),
    ),
    Sent(
        "huawei-oceanconnect",
        "",
        {
            "notifyType": "deviceDataChanged",
            "service": {"serviceId": "Level", "data": {"Depth": "+00.12"}, "eventTime": "20220718T093415Z"},
            **HUAWEI,
        },
        Uplink(address="7bf90edf-eabf", values={"Depth": "+00.12"}, time_ms=1_658_136_855_000),
    ),
    Sent(
        "huawei-oceanconnect",
        "",
        {
            "notifyType": "deviceDatasChanged",
            "services": [
                {"serviceId": "Level", "data": {"Depth": 12}, "eventTime": "20220718T093414Z"},
                {"serviceId": "Battery", "data": {"volts": 3.6}, "eventTime": "20220718T093415Z"},
            ],
            **HUAWEI,
        },
        Uplink(address="7bf90edf-eabf", values={"Depth": 12, "volts": 3.6}, time_ms=1_658_136_855_000),
    ),
    Sent(
        "huawei-iotda",
        "",
        {
            "resource": "device.property",
            "event": "report",
            "event_time_ms": "2022-07-18T09:34:20.632Z",
            "notify_data": {
                "header": {"device_id": "6aa5_Well-1", "node_id": "861800000007127", "product_id": "6aa5"},
                "body": {
                    "services": [
                        {"service_id": "M", "properties": {"depth": 78}, "event_time": "20220718T093415Z"},
                        {"service_id": "N", "properties": {"volts": 3.6}},
                    ]
                },
            },
        },
        Uplink(
            address="6aa5_well-1",
            imei="861800000007127",
            values={"depth": 78, "volts": 3.6},
            time_ms=1_658_136_860_632,
        ),
    ),
    Sent(
        "onenet",
        "",
        {
            "msg": {"at": AT_MS, "imei": "861800000007127", "type": 1, "ds_id": "3300_0_5750", "value": "c0ced6",
                    "dev_id": 111111},
            "msg_signature": "xxxx==", "nonce": "xxx",
        },
        Uplink(address="111111", imei="861800000007127", values={"3300_0_5750": "c0ced6"}, time_ms=AT_MS),
    ),
    Sent(
        "onenet",  # the newer push: a text with JSON in it
        "",
        _push(
            {
                "notifyType": "property", "messageType": "notify", "deviceName": "Well-1", "deviceId": "1",
                "data": {"id": "7", "params": {"level": {"value": 3, "time": AT_MS}, "open": {"value": False}}},
            }
        ),
        Uplink(address="well-1", values={"level": 3, "open": False}, time_ms=AT_MS),
    ),
    Sent(
        "onenet",  # a batched push of one device
        "",
        {
            "msg": [
                {"at": AT_MS - 5, "type": 1, "ds_id": "level", "value": 3, "dev_name": "Well-1", "pid": "p"},
                {"at": AT_MS, "type": 1, "ds_id": "volts", "value": 3.6, "dev_name": "Well-1", "pid": "p"},
            ],
            "signature": "xxxx==",
        },
        Uplink(address="well-1", values={"level": 3, "volts": 3.6}, time_ms=AT_MS),
    ),
    Sent(
        "onenet",  # out of a queue, without the push
        "",
        {"at": AT_MS, "type": 1, "ds_id": "level", "value": 3, "dev_id": 111111},
        Uplink(address="111111", values={"level": 3}, time_ms=AT_MS),
    ),
    Sent(
        "onenet-onejson",
        "$sys/Yc4Qwil73t/Well-1/thing/property/post",
        {"id": "7", "version": "1.0", "params": {"level": {"value": 3, "time": AT_MS}, "open": {"value": False}}},
        Uplink(address="well-1", values={"level": 3, "open": False}, time_ms=AT_MS),
    ),
]  # fmt: skip

_V4_DEVICE = {"deviceInfo": {"devEui": EUI}, "time": AT}
_V3_DEVICE = {"applicationID": "1", "devEUI": EUI}
_V3_OTHER = f"application/1/device/{EUI}/rx"
_DOWN = {"f_port": 15, "f_cnt": 1, "frm_payload": "vu8="}

EVENTS = [
    Sent("chirpstack-v4", _V4, _V4_DEVICE, "up"),
    Sent("chirpstack-v4", _V4.replace("/up", "/join"), {**_V4_DEVICE, "devAddr": "00189440"}, "join"),
    Sent("chirpstack-v4", "", {**_V4_DEVICE, "margin": 10, "batteryLevel": 88.3}, "status"),
    Sent("chirpstack-v3", _V3, _V3_DEVICE | {"fCnt": 7, "data": None}, "up"),
    Sent("chirpstack-v3", _V3.replace("/up", "/txack"), _V3_DEVICE | {"fCnt": 12}, "txack"),
    Sent("chirpstack-v3", _V3_OTHER, _V3_DEVICE | {"margin": 7, "battery": 254}, "status"),  # one topic for all kinds
    Sent("chirpstack-v3", _V3_OTHER, _V3_DEVICE | {"acknowledged": True, "fCnt": 12, "rxInfo": None}, "ack"),
    Sent("chirpstack-v3", "", _V3_DEVICE | {"type": "DATA_UP_FCNT", "error": "...", "fCnt": 123}, "error"),
    Sent("chirpstack-v3", "", _V3_DEVICE | {"devAddr": "06682ea2"}, "join"),
    Sent("chirpstack-v3", "", _V3_DEVICE | {"location": {"latitude": 34.2}}, "location"),
    Sent("the-things-stack", "", {**_TTS, "uplink_message": {"f_port": 3, "received_at": AT}}, "uplink_message"),
    Sent("the-things-stack", "v3/a@t/devices/w/join", {**_TTS, "join_accept": {"session_key_id": "A"}}, "join_accept"),
    Sent("the-things-stack", "v3/a@t/devices/well-1/down/ack", {**_TTS, "downlink_ack": _DOWN}, "downlink_ack"),
    Sent("the-things-stack", "", {**_TTS, "downlink_failed": {"downlink": _DOWN, "error": {}}}, "downlink_failed"),
    Sent("the-things-stack", "", {**_TTS, "downlinks": [_DOWN]}, "downlinks"),
    Sent("milesight-gateway", "street/join", {"applicationID": 1, "devEUI": EUI, "devAddr": "06682ea2"}, "join"),
    Sent("thingpark", "", {"DevEUI_uplink": {"DevEUI": EUI.upper(), "FCntUp": 7}}, "DevEUI_uplink"),
    Sent("thingpark", "", {"DevEUI_downlink_Sent": {"DevEUI": EUI.upper()}}, "DevEUI_downlink_Sent"),
    Sent("loriot", "", {"cmd": "cq", "page": 1, "total": 0, "cache": []}, "cq", ""),
    Sent("loriot", "", {"cmd": "tx", "EUI": EUI.upper(), "port": 3, "data": "0102AABB", "success": "queued"}, "tx"),
    Sent("loriot", "", {"cmd": "txd", "EUI": EUI.upper(), "seqdn": 3, "ts": AT_MS}, "txd"),
    Sent("helium", "", {"dev_eui": EUI.upper(), "type": "join", "hotspots": [], "reported_at": AT_MS}, "join"),
    Sent("ctwing", "", {"messageType": "commandResponse", "taskId": 1, "result": {"resultCode": "DELIVERED"}, **CTWING},
         "commandResponse", "df5bc90025bd4985"),
    Sent("ctwing", "", {"messageType": "deviceOnlineOfflineReport", "eventType": 1, **CTWING},
         "deviceOnlineOfflineReport", "df5bc90025bd4985"),
    Sent("huawei-oceanconnect", "", {"notifyType": "deviceInfoChanged", "deviceInfo": {}, **HUAWEI},
         "deviceInfoChanged", "7bf90edf-eabf"),
    Sent("huawei-iotda", "", {"resource": "device.status", "event": "update",
                              "notify_data": {"header": {"device_id": "W"}, "body": {"status": "ONLINE"}}},
         "device.status update", "w"),
    Sent("onenet", "", {"msg": {"type": 2, "dev_id": 7, "status": 1, "at": AT_MS}}, "status", "7"),
    Sent("onenet", "", {"msg": {"type": 7, "dev_id": 7, "cmd_id": "1", "at": AT_MS}}, "command", "7"),
    Sent("onenet", "", _push({"notifyType": "lifeCycle", "deviceName": "W"}), "lifeCycle", "w"),
    Sent("onenet-onejson", "$sys/p/W/thing/property/post/reply", {"id": "7", "code": 200}, "property/post/reply", "w"),
]  # fmt: skip
