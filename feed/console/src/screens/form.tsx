// Forms that are sent to the gateway: busy while they are under way, and refused in words.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Problem } from "../api";
import { said, t, type Key } from "../i18n";

/** send: throws a Problem where the gateway refuses; done: what to say when it does not. */
export function Form(given: {
  label: string;
  button: Key;
  send: (fields: FormData) => Promise<void>;
  done?: Key;
  class?: string;
  children: ComponentChildren;
}) {
  const { label, button, send, done, children } = given;
  const [state, set] = useState<"" | "busy" | "done" | Problem>("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    set("busy");
    send(new FormData(form)).then(
      () => {
        form.reset();
        set("done");
      },
      (error: unknown) => {
        if (!(error instanceof Problem)) throw error;
        set(error);
      },
    );
  };
  return (
    <form class={given.class ?? "fields"} aria-label={label} onSubmit={submit}>
      {children}
      {state instanceof Problem && <Refusal problem={state} />}
      <p class="actions">
        <span role="status">{state === "done" && done && t(done)}</span>
        <button type="submit" class="main" disabled={state === "busy"}>
          {t(state === "busy" ? "list.sent" : button)}
        </button>
      </p>
    </form>
  );
}

/** Why not, with each field that is wrong. */
export function Refusal({ problem }: { problem: Problem }) {
  const errors = (problem.body["errors"] ?? []) as { where: string; text: { zh: string; en: string } }[];
  return (
    <div class="refusal" role="alert">
      <p>{said(problem.text)}</p>
      {errors.length > 0 && (
        <ul>
          {errors.map((one) => (
            <li key={one.where}>
              {one.where}: {said(one.text)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

export const word = (fields: FormData, name: string): string => String(fields.get(name) ?? "");
