"""docs/quickstart: an engineer who types what stands there, block after block, sees what it says."""

import json
import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port, mosquitto, until

SHOWN = re.compile(r"^(try/devices\.d/new\.yaml:.*)…(.*)$", re.MULTILINE)  # what `check` says, shortened
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("page", ["quickstart.md", "quickstart.zh.md"])
def test_typed_from_the_page(tmp_path: Path, root: Path, page: str) -> None:
    text = (root / "docs" / page).read_text(encoding="utf-8")
    configure, register, check, mend, tilt, look, close, account = BLOCK.findall(text)
    [(shown_first, shown_last)] = SHOWN.findall(text)
    desk, http = tmp_path / "desk", free_port()
    desk.mkdir()
    for name in ("cityward", "deploy"):  # what is typed begins in the checkout, which is not to be written to
        (desk / name).symlink_to(root / name)

    def typed(block: str) -> str:
        done = subprocess.run(
            ["bash", "-e"], input=block, cwd=desk, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"LANG": "C.UTF-8"}, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}"
        return done.stdout

    def alarm() -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/api/v1/alarms", timeout=5) as answer:
            alarms = {alarm["id"]: alarm for alarm in json.load(answer)["alarms"]}
        found: dict[str, Any] = alarms.get("cover-tilted@mh-0115", {})
        return found

    with mosquitto(tmp_path / "broker") as broker:
        # The reader's broker and page have the usual ports; here they may be taken.
        typed(configure.replace(":1883", f":{broker.port}"))
        main = desk / "try/cityward.yaml"
        main.write_text(main.read_text("utf-8") + f"http: {{listen: 127.0.0.1:{http}}}\n", encoding="utf-8")
        with (tmp_path / "log").open("wb") as log:
            daemon = subprocess.Popen(["./cityward", "run", "try"], cwd=desk, stdout=log, stderr=log)
        try:
            until(lambda: "a new session" in (tmp_path / "log").read_text(), what="the gateway has subscribed")
            typed(register)
            said = typed(check)
            assert said.startswith(shown_first)
            assert shown_last in said
            typed(mend)
            pub = f"mosquitto_pub -p {broker.port}"
            typed(tilt.replace("mosquitto_pub", pub))
            until(alarm, what="the alarm")
            assert (alarm()["state"], alarm()["priority"], alarm()["active"]) == ("UNACK", 1, True)
            assert "cover-tilted@mh-0115" in typed(look.replace(":8480", f":{http}"))
            typed(close.replace("mosquitto_pub", pub))
            until(lambda: alarm() and not alarm()["active"], what="the cover is closed, the alarm waits for somebody")
            said = typed(account)
            assert re.search(r"tilt_deg +47 °", said)
            assert re.search(r"\b0 +unaccounted", said)
        finally:
            began = time.monotonic()
            daemon.terminate()
            daemon.wait(20)
        assert time.monotonic() - began < 5
