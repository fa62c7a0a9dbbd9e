"""`cityward simulate`: the demo's live district, sent to any broker and listener."""

import signal
import socket
import threading

import click

from commands.district import street
from commands.district.city import City
from store.settings import endpoint

REACHED_S = 5.0


class EndpointType(click.ParamType[tuple[str, int]]):
    """HOST:PORT."""

    name = "host:port"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Take it apart."""
        try:
            where = endpoint(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return where.host, where.port


@click.command
@click.option("--mqtt", type=EndpointType(), required=True, help="The broker, without login.")
@click.option("--hj212", type=EndpointType(), help="An HJ 212 listener.")
def command(mqtt: tuple[str, int], hj212: tuple[str, int] | None) -> None:
    """Send the simulated district to a broker, until Ctrl-C: 40 bays and 25 covers as ChirpStack v4 sends them.

    A cover tilts after 15 s; with --hj212 PM10 jumps at a station after 20 s. Its addresses are in the configuration
    that `cityward demo` writes.
    """
    for host, port in [mqtt, *([hj212] if hj212 else [])]:
        try:
            socket.create_connection((host, port), REACHED_S).close()
        except OSError as error:
            raise click.ClickException(f"{host}:{port} cannot be reached: {error}") from error
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: stop.set())
    places = [f"mqtt://{mqtt[0]}:{mqtt[1]}", *([f"HJ 212 {hj212[0]}:{hj212[1]}"] if hj212 else [])]
    click.echo(f"正在发送 sending to {', '.join(places)} · 停止：Ctrl-C  stop: Ctrl-C")
    city = City(street.now_ms())
    lora = street.Lora(city, *mqtt, stop)
    lora.start()
    threads = [lora, *([street.hj212(city, *hj212, stop)] if hj212 else [])]
    while not stop.wait(0.2):
        if not all(thread.is_alive() for thread in threads):
            raise click.ClickException("a part of the district has stopped")
    lora.join(3)
