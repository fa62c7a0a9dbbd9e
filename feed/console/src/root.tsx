// What stands on the page: the door, or what is behind it.
import { Lazy } from "./lazy";
import { Lock, Login, MustChange } from "./login";
import { Loading } from "./parts/states";
import { route } from "./route";
import { locked, session } from "./session";
import { Shell } from "./shell";

export function Root() {
  const { is, me } = session.value;
  const wall = route.value.screen === "wall";
  if (is === "asked") return <Loading />;
  if (is === "out") return <Login wall={wall} />;
  if (me?.must_change) return <MustChange />;
  return (
    <>
      <div class="inside" inert={locked.value}>
        {wall ? <Lazy load={() => import("./wall")} /> : <Shell />}
      </div>
      {locked.value && <Lock />}
    </>
  );
}
