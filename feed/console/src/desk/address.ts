// An alarm as the page's address: `#/desk/cover-open%40mh-0114` leads to it. On a phone it is a page of its own.
import { effect } from "@preact/signals";
import { go, route, to } from "../route";
import { narrow } from "../width";
import { selected } from "./rows";

const FROM_LIST = "list";

/** Choose a row: on a phone the browser's "back" then leads to the list. */
export function choose(id: string): void {
  if (!narrow.value) return void (selected.value = id);
  go("desk", id);
  history.replaceState(FROM_LIST, "");
}

/** From an alarm to the list. */
export function back(): void {
  selected.value = null;
  if (history.state === FROM_LIST) history.back();
}

let asked: string | undefined;
effect(() => {
  const { screen, rest: [wanted] } = route.value;
  if (screen !== "desk" || wanted === asked) return;
  if (wanted || narrow.peek()) selected.value = wanted ?? null;
  asked = wanted;
});
// Who chooses another one is no longer where the address says.
effect(() => {
  const { screen, rest: [wanted] } = route.peek();
  if (selected.value === wanted || screen !== "desk" || !wanted) return;
  if (history.state !== FROM_LIST) location.replace(to("desk"));
});
