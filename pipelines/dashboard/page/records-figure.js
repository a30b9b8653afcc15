// The best and the worst days.

import { dateLink } from "./buckets.js";
import { choiceOf } from "./choice.js";
import { element } from "./dom.js";
import { formatDate, formatKwh, formatMoney, formatNumber, formatPercent } from "./format.js";
import { distinct } from "./rows.js";
import { hasMessage, translate } from "./translate.js";

const COLOURS = {
  solar: "solar", home: "home", import: "import", export: "export", charge: "battery", discharge: "battery", self_sufficiency: "battery",
};

/** @type {import("./figure.js").FigureDeclaration} */
export const recordsFigure = {
  id: "records", chart: "records",
  isShown: (rows) => rows.length > 0,
  sentence: () => translate("records.sentence"),
  controls: (rows, context, figure) => context.isReport ? [] : [choiceOf(translate("records.measure"),
    measuresOf(rows).map((measure) => ({ value: measure, label: measureName(measure) })), figure)],
  body: (rows, context, figure) => [element("div", { class: "records" },
    (context.isReport ? measuresOf(rows) : [figure.choices.shown]).flatMap((measure) => listsOf(rows, measure, context)))],
  columns: (context) => [
    { label: translate("column.measure"), isHeader: true, value: (row) => measureName(row.measure) },
    { label: translate("column.kind"), isText: true, value: (row) => kindName(row.kind) },
    { label: translate("column.rank"), value: (row) => formatNumber(row.rank) },
    { label: translate("column.day"), isText: true, value: (row) => dateLink(row.local_date, formatDate(row.local_date), context) },
    { label: translate("column.value"), value: (row) => valueText(row, context) },
  ],
};

// What a house does not have is 0 on all days.
function measuresOf(rows) {
  return distinct(rows.filter((row) => row.value !== 0), "measure");
}

function listsOf(rows, measure, context) {
  const places = rows.filter((row) => row.measure === measure);
  const largest = Math.max(...places.map((row) => Math.abs(row.value))) || 1;
  return distinct(places, "kind").map((kind) => element("section", { class: "record" },
    element("h4", { text: `${measureName(measure)}, ${kindName(kind)}` }),
    element("ol", {}, places.filter((row) => row.kind === kind).sort((one, other) => one.rank - other.rank)
      .map((row) => recordItem(row, largest, context)))));
}

function recordItem(row, largest, context) {
  const bar = element("span", { class: `record-bar is-${COLOURS[measureKey(row.measure)] ?? "neutral"}`, "aria-hidden": "true" });
  bar.style.setProperty("width", `${Math.abs(row.value) / largest * 100}%`);
  return element("li", {},
    element("span", { class: "record-day" }, dateLink(row.local_date, formatDate(row.local_date), context)),
    element("span", { class: "record-track" }, bar),
    element("span", { class: "record-value", text: valueText(row, context) }));
}

function measureKey(measure) {
  return String(measure).replace(/_(kwh|[a-z]{3})$/, "");
}

function measureName(measure) {
  const name = measureKey(measure);
  return hasMessage(`measure.${name}`) ? translate(`measure.${name}`) : name.replaceAll("_", " ");
}

function kindName(kind) {
  return hasMessage(`kind.${kind}`) ? translate(`kind.${kind}`) : String(kind);
}

function valueText(row, context) {
  if (row.measure.startsWith("self_")) return formatPercent(row.value);
  if (/cost|saved|income/.test(row.measure)) return formatMoney(row.value, context.scope.currency);
  return formatKwh(row.value);
}
