import { render } from "preact";
import { speak, spoken } from "./i18n";
import { Root } from "./root";
import { enter } from "./session";
import { begin as beginTitle } from "./title";
import "./theme";

const RETRY_MS = 3_000;

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (!root) throw new Error("index.html has no #app");
  await speak(spoken() ?? "zh", false);
  render(<Root />, root);
  beginTitle();
  await ask();
}

/** Who is this? Asked until the gateway answers; what it refuses is shown by the login page. */
const ask = (): Promise<void> =>
  enter().catch((problem: { status?: number }) => {
    if (problem.status === 401) return;
    setTimeout(() => void ask(), RETRY_MS);
  });

void start();
