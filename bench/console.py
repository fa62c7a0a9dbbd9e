"""Time the duty desk with 5,000 active alarms of which 10 a second change: first picture, and each update.

    python bench/console.py [--alarms 5000] [--seconds 20]

An update is timed in the page: what the message of the line makes it do, and drawing and laying out the changed rows.
`cpu_` is all that the page's thread worked between two changes, also for the clock and the durations: on a machine with
other work the truer figure. Prints one line of JSON; ends with 1 when a limit of the house is broken: update p95 10 ms,
first picture 1 s (from the start of navigation, in a browser that has nothing cached).
"""

import argparse
import json
import random
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.feed.room import NOW_MS, Room, tilted

UPDATE_P95_MS, FIRST_PICTURE_MS = 10.0, 1_000.0
CHANGES_PER_S = 10
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

# The page's own listener is wrapped: what it does, the drawing that it causes, and the layout of the rows.
TIMED = """
globalThis.updates = [];
const add = MessagePort.prototype.addEventListener;
MessagePort.prototype.addEventListener = function (kind, listener) {
  add.call(this, kind, (event) => {
    const began = performance.now();
    listener.call(this, event);
    if (event.data?.kind !== "events") return;
    const worked = performance.now() - began;
    requestAnimationFrame(() => {
      const drawing = performance.now();
      document.getElementById("rows")?.getBoundingClientRect();
      updates.push(worked + performance.now() - drawing);
    });
  });
};
const seen = new MutationObserver(() => {
  if (globalThis.pictured || !document.querySelector("#rows .all .line")) return;
  globalThis.pictured = true;
  requestAnimationFrame(() => setTimeout(() => (globalThis.firstPicture = performance.now()), 0));
});
seen.observe(document, { childList: true, subtree: true });
"""


def cpu_ms(inside: CDPSession) -> float:
    """Return the CPU time that the page's thread has used."""
    metrics = {one["name"]: one["value"] for one in inside.send("Performance.getMetrics")["metrics"]}
    return float(metrics["ThreadTime"]) * 1000


def measure(alarms: int, seconds: int) -> dict[str, Any]:
    """Run it once."""
    dice = random.Random(1)
    with Room(Path(tempfile.mkdtemp())) as room, sync_playwright() as playwright:
        everything = [
            tilted(f"mh-{n:05}", priority=dice.choice((1, 2, 3, 4)), since_ms=NOW_MS - n * 1000) for n in range(alarms)
        ]
        for start in range(0, alarms, 500):
            room.tell(*everything[start : start + 500])
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        page = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN").new_page()
        page.add_init_script(TIMED)
        page.goto(f"http://127.0.0.1:{room.server.port}/")
        while not page.evaluate("globalThis.firstPicture ?? 0"):
            page.wait_for_timeout(50)
        page.wait_for_timeout(1_500)
        inside = page.context.new_cdp_session(page)
        inside.send("Performance.enable")
        worked = [cpu_ms(inside)]
        for _ in range(seconds * CHANGES_PER_S):
            began = time.monotonic()
            one = dice.choice(everything)
            one.value = round(dice.uniform(16, 90), 1)
            one.acknowledged = dice.random() < 0.3
            room.tell(one, kind="reraised")
            page.wait_for_timeout(max(0.0, 1000 / CHANGES_PER_S - (time.monotonic() - began) * 1000))
            worked.append(cpu_ms(inside))
        page.wait_for_timeout(500)
        updates = sorted(page.evaluate("updates"))
        busy = sorted(after - before for before, after in pairwise(worked))
        told = {
            "alarms": alarms,
            "updates": len(updates),
            "update_median_ms": round(updates[len(updates) // 2], 2),
            "update_p95_ms": round(updates[int(len(updates) * 0.95)], 2),
            "update_max_ms": round(updates[-1], 2),
            "cpu_median_ms": round(busy[len(busy) // 2], 2),
            "cpu_p95_ms": round(busy[int(len(busy) * 0.95)], 2),
            "first_picture_ms": round(page.evaluate("firstPicture"), 1),
            "heap_mb": round(page.evaluate("performance.memory.usedJSHeapSize") / 1e6, 1),
            "rows_in_document": page.locator("#rows .all .line").count(),
        }
        browser.close()
    return told


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alarms", type=int, default=5_000)
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    told = measure(given.alarms, given.seconds)
    print(json.dumps(told))
    sys.exit(told["update_p95_ms"] > UPDATE_P95_MS or told["first_picture_ms"] > FIRST_PICTURE_MS)


if __name__ == "__main__":
    main()
