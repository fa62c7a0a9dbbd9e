"""How long it takes when 10,000 devices are reloaded, planned, taken back, listed, exported and imported again.

`python -m bench.reload`, on a daemon at work: mosquitto, 40 rules, no traffic. Goal of a reload: 3 s.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.check_10000 import DEVICES, RULES, write
from bench.gateway import debian_python
from tests.servers import free_port, mosquitto, until

ROOT = Path(__file__).resolve().parent.parent
GOAL_S = 3.0


def cityward(*words: str, code: int = 0) -> float:
    """Run a command; return the seconds that it took."""
    python, environment = debian_python()
    began = time.perf_counter()
    done = subprocess.run(
        [python, str(ROOT / "run_daemon.py"), *words], capture_output=True, text=True, cwd=ROOT, check=False,
        env=os.environ | environment,
    )  # fmt: skip
    took_s = time.perf_counter() - began
    if done.returncode != code:
        raise SystemExit(f"{' '.join(words)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return took_s


def prepare(folder: Path, mqtt: int) -> Path:
    """Write the configuration of `bench.check_10000`, with sources that open."""
    etc = folder / "etc"
    etc.mkdir()
    write(etc, 1)
    (etc / "cityward.yaml").write_text(
        f"gateway: {{id: bench, time_zone: Asia/Shanghai}}\nstate: {folder / 'state'}\n"
        f"http: {{listen: 127.0.0.1:{free_port()}}}\nsources:\n  mqtt:\n    - name: lora\n"
        f"      url: mqtt://127.0.0.1:{mqtt}\n      topics:\n"
        "        - {filter: application/+/device/+/event/up, envelope: chirpstack-v4}\n"
    )
    return etc


def main() -> None:
    """Print a table of seconds."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name) / "broker") as broker:
        etc = prepare(Path(name), broker.port)
        at = ("--directory", str(etc))
        log = (Path(name) / "log").open("wb")
        python, environment = debian_python()
        daemon = subprocess.Popen(
            [python, str(ROOT / "run_daemon.py"), "run", str(etc)], stderr=log, cwd=ROOT, env=os.environ | environment
        )
        try:
            until((Path(name) / "state/run/cityward.sock").exists, within_s=60)
            rows = [("plan, nothing changed", cityward("plan", *at))]
            more = [f"  - {{id: new-{n}, model: elsys, address: 'eui:{n:016x}', interval: 6 h}}\n" for n in range(100)]
            (etc / "devices.d" / "more.yaml").write_text("devices:\n" + "".join(more))
            rows += [
                ("plan, 100 devices more", cityward("plan", *at, code=3)),
                ("reload, 100 devices more", cityward("reload", str(etc))),
                ("reload --undo", cityward("reload", "--undo", str(etc))),
                ("reload once more", cityward("reload", str(etc))),
                ("devices", cityward("devices", *at)),
                ("devices export", cityward("devices", "export", "--out", f"{name}/all.csv", *at)),
            ]
            for path in (etc / "devices.d").iterdir():
                path.unlink()
            rows.append(("devices import of all", cityward("devices", "import", f"{name}/all.csv", *at)))
            rows.append(("plan of what was imported: nothing", cityward("plan", *at)))
        finally:
            daemon.terminate()
            daemon.wait(20)
    print(f"| {DEVICES:,} devices, {RULES} rules, the command whole | s |\n|---|---|")
    for what, took_s in rows:
        print(f"| {what} | {took_s:.2f} |")
    sys.exit(int(dict(rows)["reload, 100 devices more"] > GOAL_S))


if __name__ == "__main__":
    main()
