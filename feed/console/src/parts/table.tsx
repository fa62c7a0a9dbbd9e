// A plain table for lists of up to some hundred rows; long live lists have desk/table.tsx.
import type { ComponentChildren } from "preact";
import { Empty } from "./states";

export type Column<T> = {
  key: string; // also the class of its cells
  head: string;
  cell: (row: T) => ComponentChildren;
};

export function Table<T>(given: {
  label: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string | number;
  empty?: string;
  onRow?: (row: T) => void;
}) {
  const { label, columns, rows, id, empty, onRow } = given;
  if (!rows.length) return <Empty>{empty}</Empty>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="plain" aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ key, head }) => (
              <th key={key} scope="col" class={key}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)} class={onRow ? "link" : ""} onClick={onRow && (() => onRow(row))}>
              {columns.map(({ key, head, cell }) => (
                <td key={key} class={key} data-head={head}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
