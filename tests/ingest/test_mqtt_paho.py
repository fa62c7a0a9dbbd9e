"""What the receive path uses of paho's private parts. Red after an upgrade: read the difference, then name it anew."""

import ast
import hashlib
import inspect
from importlib.metadata import version

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from ingest.sources import mqtt, mqtt_receive

VERSION = "2.2.0"

METHODS = {
    # overridden
    "loop_read": "4fa11ca2d451",
    "_create_socket": "3043436f2eb2",
    # used
    "_loop_rc_handle": "ee5ad3b78494",  # closes the socket, calls on_disconnect
    "_packet_handle": "ac4c129ed409",  # takes _in_packet by its command; raises MalformedPacket
    "_packet_queue": "e298fa9ab31e",  # outside a callback and without a thread of its own it writes at once
    "_sock_close": "638e9c4e5a7f",
    "_sock_recv": "c3b9043a46dd",  # turns TLS's "want" into BlockingIOError
    # imitated or relied on
    "_packet_read": "bbe32d8af1e3",  # what loop_read stands for: filling _in_packet, _last_bytes_received
    "_packet_write": "d097b7b51bed",
    "_check_keepalive": "162b7cd2a4d5",
    "loop_misc": "e9c8f0e45281",
    "loop_write": "57c360e5ae74",
    "reconnect": "3ecdf1a8299e",  # calls _create_socket, sends CONNECT
    "_handle_connack": "39267140212c",  # with reconnect_on_failure off it never connects by itself
    "_handle_disconnect": "609b75a1d714",
}
ATTRIBUTES = {"_in_packet": dict, "_last_bytes_received": float, "_msgtime_mutex": object, "_sock": type(None)}


def _digest(name: str) -> str:
    return hashlib.sha256(inspect.getsource(getattr(Client, name)).encode()).hexdigest()[:12]


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("paho-mqtt") == VERSION


@pytest.mark.parametrize("name", METHODS)
def test_the_method_is_as_it_was_read(name: str) -> None:
    assert _digest(name) == METHODS[name]


def test_the_attributes_are_there() -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    for name, kind in ATTRIBUTES.items():
        assert isinstance(vars(client)[name], kind), name
    assert set(client._in_packet) == {
        "command",
        "have_remaining",
        "remaining_count",
        "remaining_mult",
        "remaining_length",
        "packet",
        "to_process",
        "pos",
    }


def test_nothing_else_of_pahos_is_touched() -> None:
    """Every private name that our code uses and that is paho's stands above."""
    client = Client(CallbackAPIVersion.VERSION2)
    theirs = {name for name in [*dir(Client), *vars(client)] if name.startswith("_") and not name.startswith("__")}
    used = set()
    for module in (mqtt_receive, mqtt):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute | ast.FunctionDef):
                name = node.attr if isinstance(node, ast.Attribute) else node.name
                used |= {name} & theirs
    assert used <= {*METHODS, *ATTRIBUTES}


def test_no_name_of_ours_hides_one_of_pahos() -> None:
    """A private attribute that paho has too would be two things at once."""
    theirs = set(vars(Client(CallbackAPIVersion.VERSION2))) | set(dir(Client))
    tree = ast.parse(inspect.getsource(mqtt_receive.Receiver))
    assigned = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert assigned & theirs == {"_last_bytes_received"}
    assert defined & theirs == {"__init__", "_create_socket", "loop_read"}
