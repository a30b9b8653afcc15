// What is missing and how to fetch it, gaps, and figures that can be had in two ways.

import { datasetName, stateName } from "./calendar-figure.js";
import { copyButton } from "./copy-button.js";
import { element } from "./dom.js";
import { formatDate, formatDateRange, formatDuration, formatEnergy, formatInstant, formatNumber } from "./format.js";
import { sumOf } from "./rows.js";
import { inverterName } from "./series-style.js";
import { hasMessage, translate } from "./translate.js";

const SHOWN = 5;
// The server names so many devices of a row.
const NAMED = 3;

/** @type {import("./figure.js").FigureDeclaration} */
export const missingFigure = {
  id: "missing", chart: "missing", isNewestOnly: true,
  sentence: (rows) => {
    const days = sumOf(rows.map((row) => row.days * row.devices)) ?? 0;
    return rows.length ? translate("missing.sentence", { count: days, days: formatNumber(days) }) : translate("missing.none");
  },
  body: (rows, context) => rows.length ? [
    element("ul", { class: "missing" }, rows.slice(0, SHOWN).map((row) => missingItem(row, context))),
    rows.length > SHOWN && element("p", { class: "note", text: translate("missing.more", { count: rows.length - SHOWN, more: formatNumber(rows.length - SHOWN) }) }),
  ].filter(Boolean) : [],
  columns: () => [
    { label: translate("column.dataset"), isHeader: true, value: (row) => datasetName(row.dataset) },
    { label: translate("column.device"), isText: true, value: deviceText },
    { label: translate("column.first_date"), isText: true, value: (row) => formatDate(row.first_date) },
    { label: translate("column.last_date"), isText: true, value: (row) => formatDate(row.last_date) },
    { label: translate("column.days"), value: (row) => formatNumber(row.days) },
    { label: translate("column.state"), isText: true, value: (row) => stateName(row.state) },
    { label: translate("column.reason"), isText: true, value: (row) => row.reason },
    { label: translate("column.command"), isText: true, value: (row) => row.command && element("code", { text: row.command }) },
  ],
};

/** @type {import("./figure.js").FigureDeclaration} */
export const gapsFigure = {
  id: "gaps", chart: "gaps", size: "half", isNewestOnly: true,
  sentence: (rows) => rows.length
    ? translate("gaps.sentence", { count: rows.length, gaps: formatNumber(rows.length), duration: formatDuration(sumOf(rows.map((row) => row.duration_s))) })
    : translate("gaps.none"),
  body: (rows, context) => rows.length ? [element("ul", { class: "facts" }, rows.slice(0, SHOWN).map((row) => element("li", {},
    element("span", { text: formatInstant(row.last_point_at, context.scope.zone) }),
    element("span", { text: formatDuration(row.duration_s) }),
    element("span", { class: "note", text: worded("cause", row.cause) }))))] : [],
  columns: (context) => [
    { label: translate("column.from_time"), isHeader: true, value: (row) => formatInstant(row.last_point_at, context.scope.zone) },
    { label: translate("column.to_time"), isText: true, value: (row) => formatInstant(row.next_point_at, context.scope.zone) },
    { label: translate("column.inverter"), isText: true, value: (row) => inverterName(row.inverter_serial, context) },
    { label: translate("column.duration"), value: (row) => formatDuration(row.duration_s) },
    { label: translate("column.cause"), isText: true, value: (row) => worded("cause", row.cause) },
    ...["solar_kwh", "import_kwh", "export_kwh", "home_kwh"].map((name) => ({
      label: translate(`gaps.${name}`), value: (row) => formatEnergy(row[name]),
    })),
  ],
};

/** @type {import("./figure.js").FigureDeclaration} */
export const deviationsFigure = {
  id: "deviations", chart: "deviations", size: "half", isNewestOnly: true,
  sentence: (rows) => rows.length
    ? translate("deviations.sentence", { count: rows.length, deviations: formatNumber(rows.length) })
    : translate("deviations.none"),
  body: (rows) => rows.length ? [element("ul", { class: "facts" }, rows.slice(0, SHOWN).map((row) => element("li", {},
    element("span", { text: formatDate(row.local_date) }),
    element("span", { text: formatNumber(row.deviation, 2) }),
    element("span", { class: "note", text: `${worded("check", row.check_name)}: ${row.item}` }))))] : [],
  columns: (context) => [
    { label: translate("column.day"), isHeader: true, value: (row) => formatDate(row.local_date) },
    { label: translate("column.device"), isText: true, value: (row) => inverterName(row.device_id, context) },
    { label: translate("column.check"), isText: true, value: (row) => worded("check", row.check_name) },
    { label: translate("column.item"), isText: true, value: (row) => row.item },
    { label: translate("column.deviation"), value: (row) => formatNumber(row.deviation, 2) },
    { label: translate("column.found_at"), isText: true, value: (row) => formatInstant(row.found_at, context.scope.zone) },
  ],
};

function deviceText(row) {
  return row.devices > NAMED ? translate("missing.devices", { count: formatNumber(row.devices) }) : row.device ?? row.device_id;
}

function missingItem(row, context) {
  const days = row.first_date === row.last_date ? formatDate(row.first_date) : formatDateRange(row.first_date, row.last_date, "medium");
  return element("li", {},
    element("p", {},
      element("strong", { text: datasetName(row.dataset) }), ` · ${deviceText(row)} · ${days} · `,
      element("span", { class: "note", text: row.reason ?? stateName(row.state) })),
    row.command && element("div", { class: "command" },
      element("code", { text: row.command }), !context.isReport && copyButton(row.command, row.command)));
}

function worded(kind, value) {
  return hasMessage(`${kind}.${value}`) ? translate(`${kind}.${value}`) : String(value ?? "–").replaceAll("_", " ");
}
