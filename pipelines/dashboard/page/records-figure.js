// The best and the worst days.

import { dateLink } from "./buckets.js";
import { element } from "./dom.js";
import { formatDate, formatKwh, formatMoney, formatNumber, formatPercent } from "./format.js";
import { distinct } from "./rows.js";
import { hasMessage, translate } from "./translate.js";

/** @type {import("./figure.js").FigureDeclaration} */
export const recordsFigure = {
  id: "records", chart: "records",
  isShown: (rows) => rows.length > 0,
  sentence: () => translate("records.sentence"),
  body: (rows, context) => [element("div", { class: "records" },
    distinct(rows, "measure").flatMap((measure) => distinct(rows.filter((row) => row.measure === measure), "kind").map((kind) => {
      const places = rows.filter((row) => row.measure === measure && row.kind === kind).sort((one, other) => one.rank - other.rank);
      return element("section", { class: "record" },
        element("h4", { text: `${measureName(measure)}: ${kindName(kind)}` }),
        element("ol", {}, places.map((row) => element("li", {},
          dateLink(row.local_date, formatDate(row.local_date), context),
          element("span", { class: "record-value", text: valueText(row, context) })))));
    })))],
  columns: (context) => [
    { label: translate("column.measure"), isHeader: true, value: (row) => measureName(row.measure) },
    { label: translate("column.kind"), isText: true, value: (row) => kindName(row.kind) },
    { label: translate("column.rank"), value: (row) => formatNumber(row.rank) },
    { label: translate("column.day"), isText: true, value: (row) => dateLink(row.local_date, formatDate(row.local_date), context) },
    { label: translate("column.value"), value: (row) => valueText(row, context) },
  ],
};

function measureName(measure) {
  const name = String(measure).replace(/_kwh$/, "");
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
