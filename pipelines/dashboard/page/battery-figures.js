// The battery: cycles, state of charge, capacity over the years.

import { bucketColumn, bucketLabel, bucketName, filledBuckets } from "./buckets.js";
import { categoryAxis, gridOf, hatching, tooltip, valueAxis } from "./chart-parts.js";
import { daysColumn, daysNote, hatchingNote, isWhole } from "./completeness.js";
import { element } from "./dom.js";
import { UNKNOWN, formatDate, formatEnergy, formatKwh, formatNumber, formatPercent } from "./format.js";
import { distinct, hasValues, isKnown, sumOf } from "./rows.js";
import { MOST_LINES, inverterName, lineSymbol, lineType } from "./series-style.js";
import { colours, faded } from "./theme.js";
import { translate } from "./translate.js";

const FEWEST_POINTS = 3;

/** @type {import("./figure.js").FigureDeclaration} */
export const batteryFigure = {
  id: "battery", chart: "battery", periods: ["week", "month", "year", "all"], height: "panels",
  isShown: hasBattery,
  sentence: (rows) => [summary(rows), hatchingNote(mergedBuckets(rows)), someNote(rows)].filter(Boolean).join(" "),
  legend: () => [
    { label: translate("battery.band"), colour: "battery", shape: "light" },
    { label: translate("battery.cycles"), colour: "battery", shape: "area" },
    { label: translate("battery.hours_full"), colour: "battery", shape: "light" },
    { label: translate("battery.hours_empty"), colour: "neutral", shape: "area" },
  ],
  option: batteryOption,
  columns: batteryColumns,
};

/** @type {import("./figure.js").FigureDeclaration} */
export const batteryDayFigure = {
  id: "battery_day", chart: "battery", periods: ["day"],
  isShown: hasBattery,
  sentence: (rows) => [summary(rows), someNote(rows)].filter(Boolean).join(" "),
  body: (rows, context) => [element("ul", { class: "charges" }, rows.filter((row) => isKnown(row.min_percent) || isKnown(row.cycles)).map((row) => chargeItem(row, context)))],
  columns: batteryColumns,
};

/** @type {import("./figure.js").FigureDeclaration} */
export const capacityFigure = {
  id: "capacity", chart: "battery_health", periods: ["year", "all"], height: "medium", size: "half",
  isShown: (rows) => hasValues(rows, "usable_kwh"),
  sentence: (rows, context) => [translate("capacity.sentence"), fewPoints(rows, "usable_kwh", context, formatKwh)].filter(Boolean).join(" "),
  legend: (rows, context) => [
    ...lineLegend(rows, "usable_kwh", context),
    { label: translate("capacity.quartiles"), colour: "battery", shape: "light" },
    ...(hasValues(rows, "bms_kwh") ? [{ label: translate("capacity.bms"), colour: "neutral", shape: "dashed" }] : []),
  ],
  option: (rows, context) => healthOption(rows, context, {
    unit: "kWh", column: "usable_kwh", factor: 1, hasBand: true,
    value: (row) => formatKwh(row.usable_kwh),
  }),
  columns: healthColumns,
};

/** @type {import("./figure.js").FigureDeclaration} */
export const roundTripFigure = {
  id: "round_trip", chart: "battery_health", periods: ["year", "all"], height: "medium", size: "half",
  isShown: (rows) => hasValues(rows, "round_trip"),
  sentence: (rows, context) => [
    translate("round_trip.sentence"), fewPoints(rows, "round_trip", context, (value) => formatPercent(value, 1)),
  ].filter(Boolean).join(" "),
  legend: (rows, context) => lineLegend(rows, "round_trip", context),
  option: (rows, context) => healthOption(rows, context, {
    unit: "%", column: "round_trip", factor: 100, hasBand: false,
    value: (row) => formatPercent(row.round_trip, 1),
  }),
  columns: healthColumns,
};

/** @type {import("./figure.js").FigureDeclaration} */
export const pvHealthFigure = {
  id: "pv_health", chart: "pv_health", periods: ["all"],
  isShown: (rows) => hasValues(rows, "change_percent_per_year"),
  sentence: (rows, context) => rows.filter((row) => isKnown(row.change_percent_per_year)).map((row) => translate("pv_health.line", {
    inverter: inverterName(row.inverter_serial, context),
    change: formatNumber(row.change_percent_per_year, 2, { signDisplay: "exceptZero" }),
    error: formatNumber(row.standard_error_percent, 2), years: formatNumber(row.years, 1), count: row.years,
    verdict: translate(`pv_health.${String(row.verdict).split(" ")[0]}`),
  })).join(" "),
  columns: (context) => [
    { label: translate("column.inverter"), isHeader: true, value: (row) => inverterName(row.inverter_serial, context) },
    { label: translate("pv_health.change"), value: (row) => isKnown(row.change_percent_per_year)
      ? `${formatNumber(row.change_percent_per_year, 2)} ± ${formatNumber(row.standard_error_percent, 2)}` : null },
    { label: translate("column.years"), value: (row) => formatNumber(row.years, 1) },
    { label: translate("column.first_date"), value: (row) => formatDate(row.first_date) },
    { label: translate("column.last_date"), value: (row) => formatDate(row.last_date) },
  ],
};

function linesOf(rows, column) {
  return distinct(rows.filter((row) => isKnown(row[column])), "inverter_serial").slice(0, MOST_LINES);
}

function lineLegend(rows, column, context) {
  return linesOf(rows, column).map((serial, index) => ({
    label: inverterName(serial, context), colour: "battery", shape: index % 4 ? "dashed" : "line",
  }));
}

// Two points are no curve: they are said.
function isCurve(rows, column) {
  return linesOf(rows, column).some((serial) => rows.filter((row) => row.inverter_serial === serial && isKnown(row[column])).length >= FEWEST_POINTS);
}

function fewPoints(rows, column, context, format) {
  if (isCurve(rows, column)) return "";
  const serials = linesOf(rows, column);
  return rows.filter((row) => serials.includes(row.inverter_serial) && isKnown(row[column])).map((row) => translate("capacity.point", {
    inverter: inverterName(row.inverter_serial, context), month: formatDate(row.month, "month"), value: format(row[column]),
  })).join(" ");
}

function hasBattery(rows) {
  // A battery that a house does not have is sent as 0.
  return rows.some((row) => row.max_percent > 0 || row.charge_kwh > 0 || row.discharge_kwh > 0);
}

// A site with very many inverters shows the first of them.
function someNote(rows) {
  const shown = distinct(rows, "inverter_serial").length;
  const count = rows[0]?.inverters ?? shown;
  return count > shown ? translate("battery.some", { shown: formatNumber(shown), count: formatNumber(count) }) : "";
}

// The state of charge from lowest to highest as a bar on a scale from empty to full.
function chargeItem(row, context) {
  const bar = element("span", { class: "charge-bar", hidden: !isKnown(row.min_percent) });
  bar.style.setProperty("margin-inline-start", `${row.min_percent ?? 0}%`);
  bar.style.setProperty("width", `${(row.max_percent ?? 0) - (row.min_percent ?? 0)}%`);
  return element("li", {},
    element("span", { text: inverterName(row.inverter_serial, context) }),
    element("span", { class: "charge-track", "aria-hidden": "true" }, bar),
    element("span", { class: "charge-band", text: bandText(row) }),
    element("span", { class: "note", text: [
      translate("battery.cycles_count", { cycles: formatNumber(row.cycles, 2), count: row.cycles ?? 0 }),
      isKnown(row.hours_full) ? translate("battery.hours", { full: formatNumber(row.hours_full, 1), empty: formatNumber(row.hours_empty, 1) }) : "",
    ].filter(Boolean).join(" · ") }));
}

function summary(rows) {
  const cycles = sumOf(rows.map((row) => row.cycles));
  const inverters = distinct(rows, "inverter_serial").length;
  const hours = (column) => sumOf(rows.map((row) => row[column]));
  return translate(hours("hours_known") ? "battery.summary" : "battery.summary_cycles", {
    cycles: formatNumber(isKnown(cycles) ? cycles / Math.max(inverters, 1) : null, 1),
    full: formatNumber(hours("hours_full"), 0), empty: formatNumber(hours("hours_empty"), 0), known: formatNumber(hours("hours_known"), 0),
  });
}

// All inverters of a bucket: the widest band, the mean of cycles and hours.
function mergedBuckets(rows) {
  return distinct(rows, "bucket_start").map((bucket) => {
    const members = rows.filter((row) => row.bucket_start === bucket);
    const known = (column) => members.map((row) => row[column]).filter(isKnown);
    const mean = (column) => known(column).length ? sumOf(known(column)) / known(column).length : null;
    return {
      bucket_start: bucket, members,
      min_percent: known("min_percent").length ? Math.min(...known("min_percent")) : null,
      max_percent: known("max_percent").length ? Math.max(...known("max_percent")) : null,
      cycles: mean("cycles"), hours_full: mean("hours_full"), hours_empty: mean("hours_empty"),
      days: Math.min(...members.map((row) => row.days ?? 0)), days_expected: Math.max(...members.map((row) => row.days_expected ?? 0)),
    };
  });
}

function batteryOption(rows, context) {
  const buckets = filledBuckets(mergedBuckets(rows), context.scope);
  const palette = colours();
  const labels = buckets.map((row) => row.bucket_start);
  const axis = (index, options = {}) => categoryAxis(labels, (date) => bucketLabel(date, context), { gridIndex: index, ...options });
  const band = (color, data) => ({ type: "bar", stack: "band", barMaxWidth: 30, barCategoryGap: "28%", emphasis: { disabled: true }, itemStyle: { color }, data });
  const bar = (column, color, grid) => ({
    type: "bar", xAxisIndex: grid, yAxisIndex: grid, barMaxWidth: 14, barCategoryGap: "28%", emphasis: { disabled: true },
    itemStyle: { color },
    data: buckets.map((row) => ({ value: row[column], itemStyle: isWhole(row) ? undefined : { decal: hatching() } })),
  });
  return {
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: tooltip((parameters) => batteryTooltip(buckets[parameters[0].dataIndex], context), {
      axisPointer: { type: "shadow", shadowStyle: { color: faded(palette.muted, 0.12) } },
    }),
    grid: [gridOf({ height: 118 }), gridOf({ top: 178, height: 62 }), gridOf({ top: 272, bottom: 28 })],
    xAxis: [axis(0, { axisLabel: { show: false } }), axis(1, { axisLabel: { show: false } }), axis(2)],
    yAxis: [
      valueAxis("%", { min: 0, max: 100, interval: 25 }),
      valueAxis(translate("battery.cycles_axis"), { gridIndex: 1, splitNumber: 2, nameTextStyle: { color: palette.muted, align: "left", padding: [0, 0, 0, -36] } }),
      valueAxis("h", { gridIndex: 2, splitNumber: 2 }),
    ],
    series: [
      band("transparent", buckets.map((row) => row.min_percent)),
      band(faded(palette.battery, 0.55), buckets.map((row) => isKnown(row.max_percent) ? row.max_percent - row.min_percent : null)),
      bar("cycles", palette.battery, 1), bar("hours_full", faded(palette.battery, 0.72), 2), bar("hours_empty", palette.neutral, 2),
    ],
  };
}

function batteryTooltip(row, context) {
  if (!row) return null;
  return {
    title: bucketName(row.bucket_start, context),
    lines: [
      { label: translate("battery.band"), colour: "battery", value: bandText(row) },
      { label: translate("battery.cycles"), colour: "battery", value: formatNumber(row.cycles, 2) },
      { label: translate("battery.hours_full"), colour: "battery", value: formatNumber(row.hours_full, 1) },
      { label: translate("battery.hours_empty"), colour: "neutral", value: formatNumber(row.hours_empty, 1) },
    ],
    note: [daysNote(row), row.members?.length > 1 ? translate("battery.merged", { count: row.members.length }) : ""].filter(Boolean).join(" · "),
  };
}

function bandText(row) {
  return isKnown(row.min_percent) ? `${formatPercent(row.min_percent / 100)} – ${formatPercent(row.max_percent / 100)}` : UNKNOWN;
}

function batteryColumns(context) {
  const percent = (value) => formatPercent(isKnown(value) ? value / 100 : null);
  return [
    bucketColumn(context),
    { label: translate("column.inverter"), isText: true, value: (row) => inverterName(row.inverter_serial, context) },
    { label: translate("column.kwh", { name: translate("energy.charge_kwh") }), value: (row) => formatEnergy(row.charge_kwh) },
    { label: translate("column.kwh", { name: translate("energy.discharge_kwh") }), value: (row) => formatEnergy(row.discharge_kwh) },
    { label: translate("battery.cycles"), value: (row) => formatNumber(row.cycles, 2) },
    { label: translate("battery.lowest"), value: (row) => percent(row.min_percent) },
    { label: translate("battery.highest"), value: (row) => percent(row.max_percent) },
    { label: translate("battery.hours_full"), value: (row) => formatNumber(row.hours_full, 1) },
    { label: translate("battery.hours_empty"), value: (row) => formatNumber(row.hours_empty, 1) },
    { label: translate("battery.hours_known"), value: (row) => formatNumber(row.hours_known, 1) },
    { label: translate("battery.temperature"), value: (row) => isKnown(row.min_temperature_celsius)
      ? `${formatNumber(row.min_temperature_celsius)} – ${formatNumber(row.max_temperature_celsius)}` : null },
    daysColumn(),
  ];
}

function healthOption(rows, context, { unit, column, factor, hasBand, value }) {
  if (!isCurve(rows, column)) return null;
  const palette = colours();
  const months = distinct(rows, "month").sort();
  const serials = linesOf(rows, column);
  const values = (serial, name) => months.map((month) => {
    const row = rows.find((candidate) => candidate.month === month && candidate.inverter_serial === serial);
    return isKnown(row?.[name]) ? row[name] * factor : null;
  });
  const line = (serial, index, name, options) => ({
    type: "line", data: values(serial, name), connectNulls: true, symbol: lineSymbol(index), symbolSize: 5, silent: true, ...options,
  });
  const bandOf = (serial) => {
    const low = values(serial, "usable_low_kwh");
    const high = values(serial, "usable_high_kwh");
    const invisible = { lineStyle: { opacity: 0 }, symbol: "none", silent: true, type: "line", stack: `band ${serial}` };
    return [
      { ...invisible, data: low },
      { ...invisible, data: high.map((top, index) => isKnown(top) && isKnown(low[index]) ? top - low[index] : null), areaStyle: { color: faded(palette.battery, 0.22) } },
    ];
  };
  return {
    tooltip: tooltip((parameters) => ({
      title: formatDate(months[parameters[0].dataIndex], "month"),
      lines: serials.flatMap((serial) => {
        const row = rows.find((candidate) => candidate.month === months[parameters[0].dataIndex] && candidate.inverter_serial === serial);
        if (!row) return [];
        return [
          { label: inverterName(serial, context), colour: "battery", value: value(row) },
          ...(hasBand && isKnown(row.bms_kwh) ? [{ label: translate("capacity.bms"), colour: "neutral", value: formatKwh(row.bms_kwh) }] : []),
        ];
      }),
    })),
    grid: gridOf(),
    xAxis: categoryAxis(months, (month) => formatDate(month, "monthYear"), { boundaryGap: false }),
    yAxis: valueAxis(unit, { scale: true }),
    series: serials.flatMap((serial, index) => [
      ...(hasBand ? bandOf(serial) : []),
      line(serial, index, column, { lineStyle: { color: palette.battery, width: 2, type: lineType(index) }, itemStyle: { color: palette.battery } }),
      ...(hasBand && hasValues(rows, "bms_kwh")
        ? [line(serial, index, "bms_kwh", { symbol: "none", lineStyle: { color: palette.neutral, width: 1.5, type: [4, 3] }, itemStyle: { color: palette.neutral } })] : []),
    ]),
  };
}

function healthColumns(context) {
  return [
    { label: translate("column.month"), isHeader: true, value: (row) => formatDate(row.month, "month") },
    { label: translate("column.inverter"), isText: true, value: (row) => inverterName(row.inverter_serial, context) },
    { label: translate("capacity.usable"), value: (row) => formatEnergy(row.usable_kwh) },
    { label: translate("capacity.quartiles"), value: (row) => isKnown(row.usable_low_kwh) ? `${formatEnergy(row.usable_low_kwh)} – ${formatEnergy(row.usable_high_kwh)}` : null },
    { label: translate("capacity.runs"), value: (row) => formatNumber(row.runs) },
    { label: translate("capacity.bms"), value: (row) => formatEnergy(row.bms_kwh) },
    { label: translate("round_trip.title"), value: (row) => formatPercent(row.round_trip, 1) },
  ];
}
