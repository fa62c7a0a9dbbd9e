"""The live district: its devices, each on its own transport."""

import threading
import time
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from commands.district.city import BAYS, COVERS, TILTED, TILTS_MS, City
from commands.district.hj212_station import Station
from commands.district.modbus_slave import ModbusSlaves
from commands.district.plantower import Plantower
from commands.district.wire import Wire

DUST_EVERY_S = 5.0
WORDS = 2  # bytes of a register


def now_ms() -> int:
    """Return civil time."""
    return time.time_ns() // 1_000_000


class Lora(threading.Thread):
    """Bays and covers through a network server's broker: a bay each second, a cover each ten, and one that tilts."""

    def __init__(self, city: City, host: str, port: int, stop: threading.Event) -> None:
        super().__init__(name="district-lora", daemon=True)
        self._city, self._ended = city, stop
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="district")
        self._client.connect_async(host, port)

    def run(self) -> None:
        """Send until stopped."""
        city, second, tilted = self._city, 0, False
        self._client.loop_start()
        while not self._ended.wait(1):
            at_ms = now_ms()
            frames = [city.bay(1 + second % BAYS, at_ms)]
            if second % 10 == 0:
                frames.append(city.cover(1 + second // 10 % COVERS, at_ms))
            if not tilted and at_ms >= city.begins_ms + TILTS_MS:
                frames.append(city.cover(TILTED, at_ms))
                tilted = True
            for topic, payload, _ in frames:
                self._client.publish(topic.decode(), payload, qos=1)
            second += 1
        self._client.disconnect()
        self._client.loop_stop()


class Registers(dict[int, int]):
    """The registers of the Modbus station: what is in them is measured when they are asked for."""

    def __init__(self, city: City) -> None:
        super().__init__()
        self._city = city
        self.measure()

    def measure(self) -> None:
        """Take a measurement."""
        exchange = self._city.modbus(now_ms())
        first, words = int.from_bytes(exchange[2:4]), exchange[11:-2]
        for index in range(len(words) // WORDS):
            self[first + index] = int.from_bytes(words[index * WORDS : (index + 1) * WORDS])


def hj212(city: City, host: str, port: int, stop: threading.Event) -> threading.Thread:
    """Run the HJ 212 station that still speaks."""
    station = Station(host, port, lambda: city.hj212(1, now_ms()), DUST_EVERY_S)
    return _thread("district-hj212", lambda: station.run(stop))


def serial(city: City, gate: Wire, kiosk: Wire, stop: threading.Event) -> list[threading.Thread]:
    """Run the Modbus station and the PM module, each at its end of a line."""
    registers = Registers(city)
    slaves = ModbusSlaves(gate, {1: registers})
    module = Plantower(kiosk, lambda: city.plantower(now_ms()), 1.0)

    def measure() -> None:
        while not stop.wait(1):
            registers.measure()

    return [
        _thread("district-gate", lambda: slaves.run(stop)),
        _thread("district-kiosk", lambda: module.run(stop)),
        _thread("district-measure", measure),
    ]


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
