"""How long `cityward check` takes for 10,000 devices and 40 rules, in one file and in many. Goal: 3 s, all included."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEVICES = 10_000
RULES = 40
LIMIT_S = 3.0


def device(number: int) -> str:
    return f"""  - id: mh-{number:05}
    model: dingtek-dc41x
    address: eui:24e124126a{number:06x}
    name: 文化路{number}号 污水井盖
    at: [{117 + number % 500 / 1000:.4f}, {34 + number % 300 / 1000:.4f}]
    interval: 6 h
    labels: {{code: "3203020102{number:06}", owner: 排水处}}
"""


def write(directory: Path, files: int) -> None:
    (directory / "devices.d").mkdir()
    (directory / "rules.d").mkdir()
    example = ROOT / "deploy" / "example" / "cityward.yaml"
    (directory / "cityward.yaml").write_text(example.read_text())
    for part in range(files):
        text = "".join(device(number) for number in range(part, DEVICES, files))
        (directory / "devices.d" / f"{part:05}.yaml").write_text(
            f"defaults: {{crs: gcj02, district: 鼓楼区}}\ndevices:\n{text}"
        )
    words = {"zh": "井盖倾斜 {value}°", "en": "Cover tilted {value}°"}
    plain = {"zh": "井盖", "en": "Cover"}
    rule = {"kind": "threshold", "for": {"family": "manhole"}, "quantity": "tilt_deg", "above": 15, "priority": 1}
    rule |= {"text": words, "cause": plain, "consequence": plain, "action": plain, "respond_within": "2 h"}
    rules = [{"id": f"rule-{number}", **rule} for number in range(RULES)]
    (directory / "rules.d" / "all.yaml").write_text(json.dumps({"rules": rules}, ensure_ascii=False))


def main() -> int:
    slow = False
    for files in (1, 100, DEVICES):
        with tempfile.TemporaryDirectory() as name:
            write(Path(name), files)
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, ROOT / "run_daemon.py", "check", name, "--lang", "en"],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            took_s = time.perf_counter() - start
        print(f"{DEVICES} devices in {files} file{'s' if files > 1 else ''}: {took_s:.2f} s  ({done.stdout.strip()})")
        slow |= took_s > LIMIT_S
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
