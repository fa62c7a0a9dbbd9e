// The browser's one line to the gateway, shared by all its tabs and windows. It ends with the last of them.
import { Line, type Said } from "./line";

const ports = new Set<MessagePort>();
const line = new Line((said: Said) => ports.forEach((port) => port.postMessage(said)));

addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0];
  if (!port) return;
  port.addEventListener("message", ({ data }: MessageEvent<"again" | "bye">) => {
    if (data === "bye") ports.delete(port);
    else line.again();
  });
  port.start();
  line.now().forEach((said) => port.postMessage(said));
  ports.add(port);
});
