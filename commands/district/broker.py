"""An MQTT broker for the demo: mosquitto where there is one, else amqtt, embedded in a process of its own."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

STARTS_S = 20.0

MOSQUITTO = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 100000
"""


def free_port() -> int:
    """Return a TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mosquitto() -> str | None:
    """Find mosquitto; Debian keeps it in /usr/sbin, which is on no user's PATH."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which("mosquitto", path=f"{path}:/usr/sbin" if "/usr/bin" in path else path)


def start(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    """Start a broker and wait until it listens. Raises RuntimeError when it does not."""
    program = mosquitto()
    if program is not None:
        configuration = folder / "mosquitto.conf"
        configuration.write_text(MOSQUITTO.format(port=port), encoding="utf-8")
        command = [program, "-c", str(configuration)]
    else:
        command = [sys.executable, "-m", __name__, str(port)]
    with (folder / "broker.log").open("ab") as log:
        # Its own session: Ctrl-C is for the demo, which ends the broker last.
        process = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, cwd=Path(__file__).parents[2]
        )
    until = time.monotonic() + STARTS_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process
    process.kill()
    raise RuntimeError(f"the broker does not start; see {folder / 'broker.log'}")


async def _serve(port: int) -> None:
    from amqtt.broker import Broker  # noqa: PLC0415 - an extra: only where there is no mosquitto

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
