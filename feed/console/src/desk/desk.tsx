// 值班台: what stands, the list, and everything about the alarm that is selected.
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { bind } from "../keys";
import { Coming } from "../lazy";
import { useLoad } from "../parts/load";
import type { Summary } from "../types";
import { asking, askingAll } from "./actions";
import { Counters } from "./counters";
import { deskKeys } from "./desk-keys";
import { Detail } from "./detail";
import { Refused } from "./refused";
import { selectedAlarm, summary } from "./rows";
import { Table } from "./table";

const SUMMARY_S = 10;

const dialogs = () => import("./dialogs");

export function Desk() {
  const counted = useLoad<Summary>("/summary", SUMMARY_S);
  useEffect(() => {
    if (counted.data) summary.value = counted.data;
  }, [counted.data]);
  useEffect(() => bind(deskKeys), []);
  const chosen = selectedAlarm.value !== null;
  useEffect(() => {
    if (chosen) void dialogs().catch(() => {}); // ahead of its key
  }, [chosen]);
  return (
    <div class={`desk${chosen ? " chosen" : ""}`}>
      <h1 class="sr">{t("nav.desk")}</h1>
      <Counters />
      <Refused />
      <Table />
      <Detail alarm={selectedAlarm.value} />
      {(asking.value || askingAll.value) && <Coming load={dialogs} />}
    </div>
  );
}
