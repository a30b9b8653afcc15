// What is complete: a square for each dataset and day or month.

import { dateLink } from "./buckets.js";
import { element } from "./dom.js";
import { formatDate, formatNumber, formatPercent } from "./format.js";
import { distinct, isKnown } from "./rows.js";
import { hasMessage, translate } from "./translate.js";

// In the order of the server: later ones need more attention. The sign tells them apart without colour.
const STATES = {
  complete: "", provisional: "", empty: "", not_built: "…", unproven: "~", partial: "½", failed: "!", forbidden: "×", gone: "×", not_requested: "?",
};
const ORDER = Object.keys(STATES);

/** @type {import("./figure.js").FigureDeclaration} */
export const calendarFigure = {
  id: "calendar", chart: "calendar",
  isShown: (rows) => rows.length > 0,
  sentence: calendarSentence,
  legend: () => [],
  body: (rows, context) => [shownAtEnd(calendarTable(rows, context)), stateLegend(cellsOf(rows, context), isByMonth(context))],
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
  const isMonthly = isByMonth(context);
  const byKey = new Map(cells.map((cell) => [`${cell.dataset} ${cell.local_date}`, cell]));
  return element("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": translate("calendar.title") },
    element("table", { class: `calendar is-${context.scope.period}` },
      element("caption", { class: "visually-hidden", text: translate("calendar.title") }),
      element("thead", {}, element("tr", {},
        element("th", { scope: "col", class: "is-text" }, element("span", { class: "visually-hidden", text: translate("column.dataset") })),
        headingsOf(dates, context))),
      element("tbody", {}, distinct(cells, "dataset").map((dataset) => element("tr", {},
        element("th", { scope: "row", class: "is-text", text: datasetName(dataset) }),
        dates.map((date) => element("td", {}, square(byKey.get(`${dataset} ${date}`), isMonthly))))))));
}

// Where not all days fit, the newest are seen first, or the one that is shown.
function shownAtEnd(box) {
  window.setTimeout(() => {
    const shown = box.querySelector(".is-shown");
    box.scrollLeft = shown ? shown.offsetLeft - box.clientWidth / 2 : box.scrollWidth;
  });
  return box;
}

// All data have a heading for each year, over its months.
function headingsOf(dates, context) {
  if (context.scope.period !== "all") {
    const [style, period] = context.scope.period === "year" ? ["shortMonth", "month"] : ["dayOfMonth", "day"];
    const shown = context.scope.period === "day" ? context.scope.date : null;
    return dates.map((date) => element("th", { scope: "col", class: date === shown ? "is-shown" : null }, dateLink(date, formatDate(date, style), context, period)));
  }
  const years = [...new Set(dates.map((date) => date.slice(0, 4)))];
  return years.map((year) => {
    const months = dates.filter((date) => date.startsWith(year));
    return element("th", { scope: "colgroup", colspan: String(months.length), class: "is-text" },
      months.length > 2 ? dateLink(months[0], formatDate(months[0], "year"), context, "year")
        : element("span", { class: "visually-hidden", text: formatDate(months[0], "year") }));
  });
}

function square(cell, isMonthly) {
  if (!cell) return element("span", { class: "state is-absent" });
  const state = shownState(cell);
  const name = [
    formatDate(cell.local_date, isMonthly ? "month" : "medium"), stateName(state),
    isKnown(cell.share_complete) ? formatPercent(cell.share_complete) : "",
  ].filter(Boolean).join(", ");
  if (isMonthly && isShare(cell)) return shareSquare(cell, name);
  return element("span", { class: `state is-${state}`, title: name },
    element("span", { class: "visually-hidden", text: stateName(state) }),
    STATES[state] && element("span", { "aria-hidden": "true", text: STATES[state] }));
}

// A month of which a part is there is filled so far.
function shareSquare(cell, name) {
  const node = element("span", { class: "state is-share", title: name },
    element("span", { class: "share-text", text: formatPercent(Math.min(cell.share_complete, 0.99)) }));
  node.style.setProperty("--share", `${Math.round(cell.share_complete * 100)}%`);
  return node;
}

function shownState(cell) {
  return cell.state ?? (cell.share_complete >= 1 ? "complete" : "partial");
}

function stateLegend(cells, isMonthly) {
  const whole = isMonthly ? cells.filter((cell) => !isShare(cell)) : cells;
  const present = new Set(whole.map(shownState));
  const share = element("span", { class: "state is-share", "aria-hidden": "true" });
  share.style.setProperty("--share", "60%");
  return element("ul", { class: "legend" }, ORDER.filter((state) => present.has(state)).map((state) => element("li", {},
    element("span", { class: `state is-${state}`, "aria-hidden": "true", text: STATES[state] }), stateName(state))),
  whole.length < cells.length && element("li", {}, share, translate("calendar.share")));
}

function isShare(cell) {
  return cell.share_complete > 0 && cell.share_complete < 1;
}

function isByMonth({ scope }) {
  return ["year", "all"].includes(scope.period);
}
