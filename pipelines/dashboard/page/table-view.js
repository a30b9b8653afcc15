// Semantic tables of a chart's rows.

import { element } from "./dom.js";
import { UNKNOWN } from "./format.js";
import { translate } from "./translate.js";

/** A longer table shows its first rows and says so; the files have all. */
const MOST_ROWS = 400;

/**
 * Builds a table.
 * @param {string} caption What the table is of.
 * @param {object[]} rows Rows.
 * @param {Array<object>} columns Columns: `label`, `value` (a function of the row that returns text
 *   or an element), `isText` for words, which are aligned at the left, `isHeader` for the column
 *   that names the row.
 * @returns {HTMLElement} The table in a box that scrolls.
 */
export function tableOf(caption, rows, columns) {
  const shown = rows.slice(0, MOST_ROWS);
  const table = element("table", {},
    element("caption", { text: caption }),
    element("thead", {}, element("tr", {}, columns.map((column) =>
      element("th", { scope: "col", class: column.isText || column.isHeader ? "is-text" : null, text: column.label })))),
    element("tbody", {}, shown.map((row) => element("tr", {}, columns.map((column) => cellOf(row, column))))));
  return element("div", {},
    element("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": caption }, table),
    rows.length > MOST_ROWS && element("p", {
      class: "note", text: translate("table.first_rows", { shown: MOST_ROWS, count: rows.length }),
    }));
}

function cellOf(row, column) {
  const content = column.value(row) ?? UNKNOWN;
  const properties = { class: column.isText || column.isHeader ? "is-text" : null };
  return column.isHeader
    ? element("th", { scope: "row", ...properties }, content)
    : element("td", properties, content);
}
