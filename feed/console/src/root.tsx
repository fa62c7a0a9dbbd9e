// What stands on the page: the door, or what is behind it.
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "./i18n";
import { Lazy } from "./lazy";
import { Loading } from "./parts/states";
import { route } from "./route";
import { locked, session } from "./session";
import { sheet } from "./sheet";
import { Shell } from "./shell";

/** The door comes when it is needed: at loopback it never is. */
const door = {
  login: () => opened().then(({ Login }) => ({ default: Login })),
  wallLogin: () => opened().then(({ WallLogin }) => ({ default: WallLogin })),
  mustChange: () => opened().then(({ MustChange }) => ({ default: MustChange })),
  lock: () => opened().then(({ Lock }) => ({ default: Lock })),
  wall: () => sheet("door.css").then(() => import("./wall")),
};
const opened = () => sheet("door.css").then(() => import("./login"));

export function Root() {
  const { is, me } = session.value;
  const wall = route.value.screen === "wall";
  if (is === "asked") return <Loading />;
  if (is === "out") return <Lazy load={wall ? door.wallLogin : door.login} key={String(wall)} />;
  if (me?.must_change) return <Lazy load={door.mustChange} />;
  return (
    <>
      <div class="inside" inert={locked.value}>
        {wall ? <Lazy key="wall" load={door.wall} /> : <Shell />}
      </div>
      {locked.value && <Locked />}
    </>
  );
}

/** A modal dialog too, and the last that was opened: above every other, and nothing else can be reached. */
function Locked() {
  const ref = useRef<HTMLDialogElement>(null);
  const show = (): void => ref.current?.showModal();
  useLayoutEffect(() => {
    const box = ref.current;
    const stay = (event: KeyboardEvent): void => void (event.key === "Escape" && event.preventDefault());
    show();
    addEventListener("keydown", stay);
    return () => {
      removeEventListener("keydown", stay);
      box?.close(); // gives the focus back
    };
  }, []);
  return (
    <dialog ref={ref} id="lock" class="door" aria-label={t("lock.title")} onClose={show}>
      <Lazy load={door.lock} />
    </dialog>
  );
}
