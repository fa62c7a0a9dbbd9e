"""One message of every platform, of the size that it really has: the shapes are those of their documentation."""

import base64
import json
from collections.abc import Callable
from typing import Any

EUI = "24e124126a148401"
TIME = "2026-11-24T09:34:15.775023Z"
CORRELATIONS = ["as:up:01E0CY8V864TP36Q130RSQQJBY", "gs:uplink:01E0CY8V1FFJ0WCKXTKT0CRPDY", "ns:uplink:01E0CY8V1JGN0R"]


def _chirpstack_v4(frame: bytes) -> dict[str, Any]:
    gateway = {"gatewayId": "0016c001f153a14c", "uplinkId": 4217106255, "rssi": -36, "snr": 10.5, "context": "E3OWOQ=="}
    return {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": TIME,
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "ChirpStack",
            "applicationId": "ca739e26-7b67-4f14-b69e-d568c22a5a75",
            "applicationName": "wells",
            "deviceProfileId": "605d08d4-65f5-4d2c-8a5a-3d2457662f79",
            "deviceProfileName": "cover",
            "deviceName": "well-1",
            "devEui": EUI,
            "tags": {"street": "Wenhua Lu"},
        },
        "devAddr": "00189440",
        "adr": True,
        "dr": 1,
        "fCnt": 7,
        "fPort": 3,
        "confirmed": False,
        "data": base64.b64encode(frame).decode(),
        "rxInfo": [gateway, gateway | {"gatewayId": "0016c001f153a14d", "rssi": -90, "snr": 2.5}],
        "txInfo": {"frequency": 867100000, "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 11}}},
    }


def _chirpstack_v3(frame: bytes) -> dict[str, Any]:
    gateway = {"gatewayID": "0303030303030303", "name": "roof", "time": TIME, "rssi": -57, "loRaSNR": 10}
    return {
        "applicationID": "123",
        "applicationName": "wells",
        "deviceName": "well-1",
        "devEUI": EUI,
        "rxInfo": [gateway | {"location": {"latitude": 34.2, "longitude": 117.2, "altitude": 10.5}}],
        "txInfo": {"frequency": 868100000, "dr": 5},
        "adr": False,
        "fCnt": 10,
        "fPort": 3,
        "data": base64.b64encode(frame).decode(),
        "object": {"level": 1700, "temperature": 22},
        "tags": {"street": "Wenhua Lu"},
    }


def _the_things_stack(frame: bytes) -> dict[str, Any]:
    ids = {"device_id": "well-1", "application_ids": {"application_id": "wells"}, "dev_eui": EUI.upper()}
    gateway = {"gateway_ids": {"gateway_id": "eui-b827ebfffe9f2da9"}, "time": TIME, "rssi": -16, "snr": 8.5}
    return {
        "end_device_ids": ids | {"join_eui": "70B3D57ED00006B2", "dev_addr": "27000020"},
        "correlation_ids": CORRELATIONS,
        "received_at": TIME,
        "uplink_message": {
            "session_key_id": "AXAWYbtxgUllLtJWdZrW0Q==",
            "f_port": 3,
            "f_cnt": 101,
            "frm_payload": base64.b64encode(frame).decode(),
            "rx_metadata": [
                gateway | {"timestamp": 436812492, "uplink_token": "CiIKIAoUZXVpLWI4MjdlYmZmZmU5ZjJkYTkSCL"}
            ],
            "settings": {
                "data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 11}},
                "frequency": "867700000",
            },
            "received_at": TIME,
        },
    }


def _milesight(frame: bytes) -> dict[str, Any]:
    return {
        "applicationID": 1,
        "applicationName": "cloud",
        "deviceName": "well-1",
        "devEUI": EUI,
        "time": TIME,
        "rxInfo": [{"mac": "24e124fffef021be", "rssi": -57, "loRaSNR": 10, "name": "local_gateway", "altitude": 0}],
        "txInfo": {"frequency": 868300000, "dataRate": {"modulation": "LORA", "bandwidth": 125}, "codeRate": "4/5"},
        "fCnt": 7,
        "fPort": 3,
        "data": base64.b64encode(frame).decode(),
    }


def _thingpark(frame: bytes) -> dict[str, Any]:
    heard = {"Lrrid": "100019D4", "Chain": 0, "LrrRSSI": -114.0, "LrrSNR": 4.75, "LrrESP": -115.2547}
    return {
        "DevEUI_uplink": {
            "Time": TIME,
            "DevEUI": EUI.upper(),
            "FPort": 3,
            "FCntUp": 26,
            "payload_hex": frame.hex(),
            "mic_hex": "e7214986",
            "Lrcid": "00000211",
            **heard,
            "SpFact": 9,
            "Lrrs": {"Lrr": [heard]},
            "CustomerID": "100045194",
            "CustomerData": {"loc": {"lat": "34.2", "lon": "117.2"}, "alr": {"pro": "DT/DC410", "ver": "1"}},
            "DriverCfg": {"mod": {"pId": "dt", "mId": "dc410", "ver": "1"}},
            "DevAddr": "00FDA112",
            "Frequency": 902.5,
        }
    }


def _loriot(frame: bytes) -> dict[str, Any]:
    heard = {"rssi": -119, "snr": -15.8, "ts": 1795000000000, "gweui": "0016C001F153A14C", "lat": 34.2, "lon": 117.2}
    radio = {"freq": 868300000, "dr": "SF11 BW125 4/5", "ack": False}
    device = {"cmd": "gw", "EUI": EUI.upper(), "ts": 1795000000000, "fcnt": 121, "port": 3}
    return {**device, **radio, "data": frame.hex(), "gws": [heard, heard | {"rssi": -90}]}


def _helium(frame: bytes) -> dict[str, Any]:
    heard = {"id": "11cTh", "name": "dusty-bay", "rssi": -90, "snr": 7.5, "spreading": "SF10BW125", "channel": 3}
    return {
        "app_eui": "70B3D57ED00006B2",
        "dev_eui": EUI.upper(),
        "devaddr": "27000020",
        "fcnt": 7,
        "hotspots": [heard | {"reported_at": 1795000000000, "status": "success"}],
        "id": "4bb0d8a4",
        "name": "well-1",
        "payload": base64.b64encode(frame).decode(),
        "payload_size": len(frame),
        "port": 3,
        "reported_at": 1795000000000,
    }


def _ctwing(frame: bytes) -> dict[str, Any]:
    return {
        "upPacketSN": "",
        "upDataSN": "",
        "topic": "v1/up/ad",
        "timestamp": 1795000000000,
        "tenantId": "10461180",
        "serviceId": "",
        "protocol": "lwm2m",
        "productId": "10053421",
        "payload": {"APPdata": base64.b64encode(frame).decode()},
        "messageType": "dataReport",
        "deviceType": "",
        "deviceId": "44d0b9e48d404094bbbcf889e4e64ece",
        "IMSI": "undefined",
        "IMEI": "861000000000001",
        "assocAssetId": "",
    }


def _oceanconnect(frame: bytes) -> dict[str, Any]:
    device = "fd3fd274-586d-49fc-a71c-5707611a6478"
    service = {
        "serviceId": "Well",
        "serviceType": "Well",
        "data": {"raw": frame.hex()},
        "eventTime": "20261124T093415Z",
    }
    return {"notifyType": "deviceDataChanged", "deviceId": device, "gatewayId": device, "service": service}


def _iotda(frame: bytes) -> dict[str, Any]:
    header = {"device_id": "6aa570ac_well-1", "node_id": "well-1", "product_id": "6aa570ac155456566827c784"}
    service = {"service_id": "Well", "properties": {"raw": frame.hex()}, "event_time": "20261124T093415Z"}
    about = {"resource": "device.property", "event": "report", "event_time_ms": TIME}
    return {**about, "notify_data": {"header": header, "body": {"services": [service]}}}


def _onenet(frame: bytes) -> dict[str, Any]:
    about = {"at": 1795000000000, "imei": "861000000000001", "type": 1, "ds_id": "3300_0_5750"}
    return {"msg": {**about, "value": frame.hex(), "dev_id": 111111}, "msg_signature": "xxxx==", "nonce": "xxx"}


def _onejson(frame: bytes) -> dict[str, Any]:
    return {"id": "123", "version": "1.0", "params": {"raw": {"value": frame.hex(), "time": 1795000000000}}}


MESSAGES: dict[str, tuple[str, Callable[[bytes], dict[str, Any]]]] = {
    "chirpstack-v4": (f"application/ca739e26/device/{EUI}/event/up", _chirpstack_v4),
    "chirpstack-v3": (f"application/123/device/{EUI}/event/up", _chirpstack_v3),
    "the-things-stack": ("v3/wells@ttn/devices/well-1/up", _the_things_stack),
    "milesight-gateway": ("milesight/up", _milesight),
    "thingpark": ("thingpark/up", _thingpark),
    "loriot": ("loriot/up", _loriot),
    "helium": ("helium/up", _helium),
    "ctwing": ("ctwing", _ctwing),
    "huawei-oceanconnect": ("oceanconnect", _oceanconnect),
    "huawei-iotda": ("iotda", _iotda),
    "onenet": ("onenet", _onenet),
    "onenet-onejson": ("$sys/product/well-1/thing/property/post", _onejson),
    "plain": ("wells/up", lambda frame: {"dev": EUI, "t": 1795000000, "raw": frame.hex(), "tilt": 3.5}),
}
"""Envelope: topic, and what wraps a frame."""


def message(envelope: str, frame: bytes) -> tuple[bytes, bytes]:
    """Return topic and message of a platform for one frame."""
    topic, wrap = MESSAGES[envelope]
    return topic.encode(), json.dumps(wrap(frame)).encode()
