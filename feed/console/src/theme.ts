// Light by day, dark by night: as the system says, until somebody chooses.
import { effect, signal } from "@preact/signals";

type Theme = "light" | "dark";

const KEPT = "theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const chosen = (): Theme | null => localStorage.getItem(KEPT) as Theme | null;

export const theme = signal<Theme>(chosen() ?? (system.matches ? "dark" : "light"));
system.addEventListener("change", () => (theme.value = chosen() ?? (system.matches ? "dark" : "light")));
effect(() => void (document.documentElement.dataset["theme"] = theme.value));

export function turn(): void {
  theme.value = theme.value === "light" ? "dark" : "light";
  localStorage.setItem(KEPT, theme.value);
}
