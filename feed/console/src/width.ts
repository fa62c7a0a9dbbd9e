// Whether the page stands on a phone.
import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 640px)");
export const narrow = signal(query.matches);
query.addEventListener("change", () => (narrow.value = query.matches));
