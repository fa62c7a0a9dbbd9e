// The page's end of the line: a SharedWorker holds it; where there is none (Chrome on Android), the page itself.
import type { Line, Said } from "./line";

const STARTS_MS = 5_000; // a worker speaks as soon as it runs

declare const WORKER_FILE: string; // set by build.mjs

/** Listen; returns what makes the line begin anew from the position reached. */
export function listen(take: (said: Said) => void): () => void {
  let line: Line | null = null;
  let [asked, heard] = [false, false];
  const alone = async (): Promise<void> => {
    if (asked) return;
    asked = true;
    const { Line: Made } = await import("./line");
    line = new Made(take);
  };
  if (typeof SharedWorker === "undefined") {
    void alone();
    return () => line?.again();
  }
  const worker = new SharedWorker(scriptUrl(WORKER_FILE), { name: "cityward" });
  const leave = (): void => {
    worker.port.postMessage("bye");
    void alone();
  };
  worker.addEventListener("error", leave); // a browser that does not let it load
  worker.port.addEventListener("message", ({ data }: MessageEvent<Said>) => {
    heard = true;
    if (!asked) take(data);
  });
  worker.port.start();
  setTimeout(() => heard || leave(), STARTS_MS); // one that hangs must not keep the page waiting
  // A page that the browser keeps for "back" is a dead port: it is told again when it is shown again.
  addEventListener("pagehide", () => worker.port.postMessage("bye"));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  return () => (line ? line.again() : worker.port.postMessage("again"));
}

/** The one script address that this page makes; Trusted Types refuse every other. */
function scriptUrl(file: string): string {
  const types = (globalThis as { trustedTypes?: TypesFactory }).trustedTypes;
  return types ? types.createPolicy("cityward", { createScriptURL: () => file }).createScriptURL(file) : file;
}

type TypesFactory = {
  createPolicy(name: string, rules: { createScriptURL(text: string): string }): { createScriptURL(text: string): string };
};
