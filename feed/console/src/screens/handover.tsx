import { Empty } from "../parts/states";

export default function Screen() {
  return <Empty />;
}
