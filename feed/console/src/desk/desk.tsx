// 值班台: what stands, the list, and everything about the alarm that is selected.
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { bind } from "../keys";
import { useLoad } from "../parts/load";
import type { Summary } from "../types";
import { Counters } from "./counters";
import { deskKeys } from "./desk-keys";
import { Detail } from "./detail";
import { Dialogs } from "./dialogs";
import { Help } from "./help";
import { Refused } from "./refused";
import { selectedAlarm, summary } from "./rows";
import { Table } from "./table";

const SUMMARY_S = 10;

export function Desk() {
  const [help, setHelp] = useState(false);
  const counted = useLoad<Summary>("/summary", SUMMARY_S);
  useEffect(() => {
    if (counted.data) summary.value = counted.data;
  }, [counted.data]);
  useEffect(() => bind(deskKeys(() => setHelp(true))), []);
  return (
    <div class={`desk${selectedAlarm.value ? " chosen" : ""}`}>
      <h1 class="sr">{t("nav.desk")}</h1>
      <Counters />
      <Refused />
      <Table />
      <Detail alarm={selectedAlarm.value} />
      <Dialogs />
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}
