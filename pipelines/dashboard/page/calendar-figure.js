// What is complete: a square for each dataset and day or month.

import { dateLink } from "./buckets.js";
import { element } from "./dom.js";
import { formatDate, formatNumber, formatPercent } from "./format.js";
import { distinct, isKnown } from "./rows.js";
import { hasMessage, translate } from "./translate.js";

// In the order of the server: later ones need more attention. The sign tells them apart without colour.
const STATES = {
  complete: "", provisional: "", empty: "", not_built: "…", partial: "½", failed: "!", forbidden: "×", gone: "×", not_requested: "?",
};
const ORDER = Object.keys(STATES);

/** @type {import("./figure.js").FigureDeclaration} */
export const calendarFigure = {
  id: "calendar", chart: "calendar",
  isShown: (rows) => rows.length > 0,
  sentence: calendarSentence,
  legend: () => [],
  body: (rows, context) => [calendarTable(rows, context), stateLegend(cellsOf(rows, context))],
  columns: () => [
    { label: translate("column.dataset"), isHeader: true, value: (row) => datasetName(row.dataset) },
    { label: translate("column.day"), isText: true, value: (row) => formatDate(row.local_date) },
    { label: translate("column.state"), isText: true, value: (row) => isKnown(row.state) ? stateName(row.state) : null },
    { label: translate("column.devices"), value: (row) => translate("days.short", { days: formatNumber(row.devices_complete), expected: formatNumber(row.devices) }) },
    { label: translate("column.share"), value: (row) => formatPercent(row.share_complete ?? null) },
  ],
};

/**
 * Writes the name of a dataset.
 * @param {string} dataset The dataset.
 * @returns {string}
 */
export function datasetName(dataset) {
  return hasMessage(`dataset.${dataset}`) ? translate(`dataset.${dataset}`) : String(dataset).replaceAll("_", " ");
}

/**
 * Writes the name of a state.
 * @param {string} state The state.
 * @returns {string}
 */
export function stateName(state) {
  return hasMessage(`state.${state}`) ? translate(`state.${state}`) : String(state);
}

function calendarSentence(rows) {
  const open = rows.filter((row) => needsAttention(row.state)
    || (isKnown(row.share_complete) && !isKnown(row.state) && row.share_complete < 1)).length;
  return open
    ? translate("calendar.open", { count: open, open: formatNumber(open), all: formatNumber(rows.length) })
    : translate("calendar.whole");
}

function needsAttention(state) {
  return ORDER.indexOf(state) > ORDER.indexOf("empty") && state !== "gone";
}

// A year has a square for each month, with the worst state of its days.
function cellsOf(rows, context) {
  if (context.scope.period !== "year") return rows;
  const months = new Map();
  for (const row of rows) {
    const month = `${row.local_date.slice(0, 7)}-01`;
    const key = `${row.dataset} ${month}`;
    const cell = months.get(key) ?? { dataset: row.dataset, local_date: month, state: "complete", whole: 0, days: 0 };
    if (ORDER.indexOf(row.state) > ORDER.indexOf(cell.state)) cell.state = row.state;
    cell.days += 1;
    cell.whole += needsAttention(row.state) ? 0 : 1;
    cell.share_complete = cell.whole / cell.days;
    months.set(key, cell);
  }
  return [...months.values()];
}

function calendarTable(rows, context) {
  const cells = cellsOf(rows, context);
  const dates = distinct(cells, "local_date").sort();
  const isMonthly = ["year", "all"].includes(context.scope.period);
  const byKey = new Map(cells.map((cell) => [`${cell.dataset} ${cell.local_date}`, cell]));
  const label = (date, index) => {
    if (context.scope.period === "all") return index === 0 || date.slice(5, 7) === "01" ? formatDate(date, "year") : "";
    return formatDate(date, isMonthly ? "shortMonth" : "dayOfMonth");
  };
  return element("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": translate("calendar.title") },
    element("table", { class: `calendar is-${context.scope.period}` },
      element("caption", { class: "visually-hidden", text: translate("calendar.title") }),
      element("thead", {}, element("tr", {},
        element("th", { scope: "col", class: "is-text" }, element("span", { class: "visually-hidden", text: translate("column.dataset") })),
        dates.map((date, index) => element("th", { scope: "col", "aria-label": formatDate(date, isMonthly ? "month" : "long") },
          label(date, index) && dateLink(date, label(date, index), context, isMonthly ? "month" : "day"))))),
      element("tbody", {}, distinct(cells, "dataset").map((dataset) => element("tr", {},
        element("th", { scope: "row", class: "is-text", text: datasetName(dataset) }),
        dates.map((date) => element("td", {}, square(byKey.get(`${dataset} ${date}`), isMonthly))))))));
}

function square(cell, isMonthly) {
  if (!cell) return element("span", { class: "state is-absent" });
  const state = cell.state ?? (cell.share_complete >= 1 ? "complete" : "partial");
  const name = [
    formatDate(cell.local_date, isMonthly ? "month" : "medium"), stateName(state),
    isKnown(cell.share_complete) ? formatPercent(cell.share_complete) : "",
  ].filter(Boolean).join(", ");
  return element("span", { class: `state is-${state}`, title: name },
    element("span", { class: "visually-hidden", text: stateName(state) }),
    STATES[state] && element("span", { "aria-hidden": "true", text: STATES[state] }));
}

function stateLegend(cells) {
  const present = new Set(cells.map((cell) => cell.state ?? (cell.share_complete >= 1 ? "complete" : "partial")));
  return element("ul", { class: "legend" }, ORDER.filter((state) => present.has(state)).map((state) => element("li", {},
    element("span", { class: `state is-${state}`, "aria-hidden": "true", text: STATES[state] }), stateName(state))));
}
