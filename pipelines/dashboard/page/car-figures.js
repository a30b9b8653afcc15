// The car: charged energy by source, and each session.

import { bucketColumn, bucketLabel, bucketName, dateLink, filledBuckets, goToBucket } from "./buckets.js";
import { categoryAxis, gridOf, tooltip, valueAxis } from "./chart-parts.js";
import { daysNote } from "./completeness.js";
import { element, icon } from "./dom.js";
import { formatDuration, formatEnergy, formatInstant, formatKwh, formatMoney, formatNumber, formatPercent } from "./format.js";
import { isKnown, moneyOf, sumOf } from "./rows.js";
import { colours, faded } from "./theme.js";
import { translate } from "./translate.js";

const CAR_SOURCES = [
  { column: "solar_kwh", colour: "solar" },
  { column: "battery_kwh", colour: "battery" },
  { column: "grid_kwh", colour: "import" },
  { column: "unknown_kwh", colour: "neutral" },
];

/** @type {import("./figure.js").FigureDeclaration} */
export const carFigure = {
  id: "car", chart: "car", periods: ["week", "month", "year", "all"], height: "medium",
  isShown: (rows) => rows.some((row) => row.sessions > 0),
  sentence: carSummary,
  legend: (rows) => shownCarSources(rows).map(({ column, colour }) => ({ label: translate(`car.${column}`), colour })),
  option: carOption,
  onClick: goToBucket,
  columns: (context) => [
    bucketColumn(context),
    { label: translate("car.sessions"), value: (row) => formatNumber(row.sessions) },
    { label: translate("column.energy"), value: (row) => formatEnergy(row.energy_kwh) },
    ...CAR_SOURCES.map(({ column }) => ({ label: translate("column.kwh", { name: translate(`car.${column}`) }), value: (row) => formatEnergy(row[column]) })),
    { label: translate("column.cost"), value: (row) => formatMoney(moneyOf(row, "cost", context), context.scope.currency) },
  ],
};

/** @type {import("./figure.js").FigureDeclaration} */
export const carSessionsFigure = {
  id: "car_sessions", chart: "car_sessions", isNewestOnly: true,
  isShown: (rows) => rows.length > 0,
  sentence: (rows) => translate("car_sessions.sentence", {
    count: rows.length, sessions: formatNumber(rows.length), kwh: formatKwh(sumOf(rows.map((row) => row.energy_kwh))),
  }),
  body: (rows, context) => [
    element("ul", { class: "sessions" }, rows.slice(0, 6).map((row) => sessionItem(row, context))),
  ],
  columns: (context) => [
    { label: translate("column.started"), isHeader: true, value: (row) => dateLink(String(row.started_local).slice(0, 10), formatInstant(row.started_at, context.scope.zone), context) },
    { label: translate("column.charger"), isText: true, value: (row) => row.charger },
    { label: translate("column.duration"), value: (row) => formatDuration(row.duration_s) },
    { label: translate("column.energy"), value: (row) => formatEnergy(row.energy_kwh) },
    ...CAR_SOURCES.slice(0, 3).map(({ column }) => ({ label: translate("column.kwh", { name: translate(`car.${column}`) }), value: (row) => formatEnergy(row[column]) })),
    { label: translate("column.cost"), value: (row) => formatMoney(moneyOf(row, "cost", context), context.scope.currency) },
    { label: translate("car.without_solar"), value: (row) => formatMoney(moneyOf(row, "cost_without_solar", context), context.scope.currency) },
    { label: translate("column.price"), value: (row) => formatNumber(row.pence_per_kwh, 1) },
  ],
};

function shownCarSources(rows) {
  return CAR_SOURCES.filter(({ column }) => rows.some((row) => row[column] > 0));
}

function carSummary(rows, context) {
  const total = (column) => sumOf(rows.map((row) => row[column]));
  const energy = total("energy_kwh");
  const cost = sumOf(rows.map((row) => moneyOf(row, "cost", context)));
  const solar = total("solar_kwh");
  return [
    translate("car.summary", { count: total("sessions") ?? 0, sessions: formatNumber(total("sessions")), kwh: formatKwh(energy) }),
    energy && isKnown(solar) ? translate("car.solar_share", { percent: formatPercent(solar / energy) }) : "",
    isKnown(cost) ? translate("car.cost", { amount: formatMoney(cost, context.scope.currency) }) : "",
  ].filter(Boolean).join(" ");
}

function carOption(known, context) {
  const rows = filledBuckets(known, context.scope);
  const palette = colours();
  return {
    tooltip: tooltip((parameters) => carTooltip(rows[parameters[0].dataIndex], context), {
      axisPointer: { type: "shadow", shadowStyle: { color: faded(palette.muted, 0.12) } },
    }),
    grid: gridOf(),
    xAxis: categoryAxis(rows.map((row) => row.bucket_start), (date) => bucketLabel(date, context)),
    yAxis: valueAxis("kWh"),
    series: shownCarSources(rows).map(({ column, colour }) => ({
      type: "bar", stack: "car", barMaxWidth: 48, barCategoryGap: "28%", emphasis: { disabled: true },
      itemStyle: { color: palette[colour] }, data: rows.map((row) => row[column]),
    })),
  };
}

function carTooltip(row, context) {
  if (!row) return null;
  return {
    title: bucketName(row.bucket_start, context),
    lines: [
      { label: translate("car.sessions"), value: formatNumber(row.sessions) },
      ...CAR_SOURCES.filter(({ column }) => row[column] > 0).map(({ column, colour }) => ({ label: translate(`car.${column}`), colour, value: formatKwh(row[column]) })),
      ...(context.about.has_tariff
        ? [{ label: translate("column.cost"), value: formatMoney(moneyOf(row, "cost", context), context.scope.currency) }] : []),
    ],
    note: daysNote(row),
  };
}

// The newest sessions: when, how much, and its sources as a bar whose parts the text names too.
function sessionItem(row, context) {
  const total = row.energy_kwh || 0;
  const parts = CAR_SOURCES.filter(({ column }) => row[column] > 0);
  return element("li", {},
    element("div", { class: "session-line is-car" }, icon("car"),
      element("span", { class: "session-time", text: formatInstant(row.started_at, context.scope.zone) }),
      element("span", { class: "session-charger", text: row.charger ?? "" }),
      element("span", { class: "session-energy", text: formatKwh(row.energy_kwh) }),
      isKnown(moneyOf(row, "cost", context))
        && element("span", { class: "session-cost", text: formatMoney(moneyOf(row, "cost", context), context.scope.currency) })),
    parts.length && total
      ? element("div", { class: "session-bar", role: "img", "aria-label": parts.map(({ column }) => `${translate(`car.${column}`)} ${formatKwh(row[column])}`).join(", ") },
        parts.map(({ column, colour }) => {
          const part = element("span", { class: `is-${colour}` });
          part.style.setProperty("flex-grow", String(row[column] / total));
          return part;
        }))
      : element("p", { class: "note", text: translate("car.no_sources") }));
}
