// The powers of a day and the state of charge below them.

import { gridOf, isNarrow, tooltip, valueAxis } from "./chart-parts.js";
import { formatInstant, formatPercent, formatPower, formatTime } from "./format.js";
import { HOUR_MS, addDays, clockTicks, startOfDay } from "./local-time.js";
import { hasValues, isKnown, rowsOf } from "./rows.js";
import { rolesNote } from "./site-notes.js";
import { colours, faded } from "./theme.js";
import { translate } from "./translate.js";

const GAP_MS = 30 * 60_000;

// `sign` turns the direction that is drawn below zero.
const CURVES = [
  { column: "solar_w", colour: "solar", sign: 1, area: 0.28, width: 1.5 },
  { column: "import_w", colour: "import", sign: 1, area: 0.18, width: 1.5 },
  { column: "export_w", colour: "export", sign: -1, area: 0.22, width: 1.5 },
  { column: "battery_w", colour: "battery", sign: 1, area: 0, width: 1.75, type: [6, 3] },
  { column: "home_w", colour: "home", sign: 1, area: 0, width: 2 },
];
const COMPARED = ["solar_w", "home_w"];

/** @type {import("./figure.js").FigureDeclaration} */
export const powerFigure = {
  id: "power", chart: "power", periods: ["day"], height: "tall",
  sentence: powerSentence,
  legend: (rows, context) => [
    ...shownCurves(rows).map(({ column, colour, area, type }) => ({
      label: translate(`power.${column}`), colour, shape: type ? "dashed" : area ? "area" : "line",
    })),
    ...(hasCharge(rows) ? [{ label: translate("power.battery_percent"), colour: "battery", shape: "light" }] : []),
    ...(comparedRows(context).length ? [{ label: context.otherTitle, colour: "neutral", shape: "dashed" }] : []),
  ],
  option: powerOption,
  columns: (context) => [
    { label: translate("column.time"), isHeader: true, value: (row) => formatInstant(row.time, context.scope.zone) },
    ...CURVES.map(({ column }) => ({ label: translate(`power.${column}`), value: (row) => formatPower(row[column]) })),
    { label: translate("power.battery_percent"), value: (row) => percentText(row.battery_percent) },
  ],
};

function powerSentence(rows, context) {
  if (!isAnythingKnown(rows)) return [translate("power.none"), rolesNote(false, false, context)].filter(Boolean).join(" ");
  const notes = [rolesNote(true, hasValues(rows, "import_w"), context)];
  if (hasValues(rows, "export_w") || hasBatteryCurve(rows)) notes.push(translate("power.signs"));
  const { date, zone } = context.scope;
  const hours = (startOfDay(addDays(date, 1), zone) - startOfDay(date, zone)) / HOUR_MS;
  if (hours !== 24) notes.push(translate(hours > 24 ? "power.clock_back" : "power.clock_forward"));
  return notes.filter(Boolean).join(" ");
}

function powerOption(rows, context) {
  if (!isAnythingKnown(rows)) return null;
  const { date, zone } = context.scope;
  const begin = startOfDay(date, zone);
  const length = startOfDay(addDays(date, 1), zone) - begin;
  const isCharged = hasCharge(rows);
  const palette = colours();
  const ticks = clockTicks(begin, length, isNarrow() ? 6 : 3, zone);
  const elapsedAxis = (options) => ({
    ...valueAxis("", { min: 0, max: length, splitLine: { show: false } }),
    axisLine: { show: true, onZero: false, lineStyle: { color: palette.muted } },
    axisLabel: { color: palette.muted, formatter: (elapsed) => formatTime(begin + elapsed, zone), customValues: ticks },
    axisPointer: { show: true, label: { show: false }, lineStyle: { color: palette.muted, type: "solid" } },
    ...options,
  });
  return {
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: tooltip((parameters) => powerTooltip(parameters, rows, begin, zone)),
    grid: isCharged
      ? [gridOf({ bottom: 128 }), gridOf({ top: "auto", height: 64, bottom: 28 })]
      : [gridOf()],
    xAxis: isCharged
      ? [elapsedAxis({ axisLabel: { show: false } }), elapsedAxis({ gridIndex: 1 })]
      : [elapsedAxis({})],
    yAxis: [
      valueAxis("kW"),
      ...(isCharged ? [valueAxis("%", { gridIndex: 1, min: 0, max: 100, interval: 50 })] : []),
    ],
    series: [
      ...comparedSeries(context, palette),
      ...shownCurves(rows).map((curve) => curveSeries(curve, points(rows, curve.column, begin, curve.sign / 1000), palette)),
      ...(isCharged ? [{
        type: "line", xAxisIndex: 1, yAxisIndex: 1, showSymbol: false, silent: true,
        data: points(rows, "battery_percent", begin, 1),
        lineStyle: { color: palette.battery, width: 1.5 }, itemStyle: { color: palette.battery },
        areaStyle: { color: faded(palette.battery, 0.25) },
      }] : []),
    ],
  };
}

function curveSeries({ colour, area, width, type }, data, palette) {
  return {
    type: "line", showSymbol: false, silent: true, data,
    lineStyle: { color: palette[colour], width, type: type ?? "solid" }, itemStyle: { color: palette[colour] },
    areaStyle: area ? { color: faded(palette[colour], area) } : undefined,
  };
}

// The other day's curves lie behind, each from the first instant of its own day.
function comparedSeries(context, palette) {
  const rows = comparedRows(context);
  if (!rows.length) return [];
  const begin = startOfDay(context.otherScope.date, context.otherScope.zone);
  return COMPARED.filter((column) => hasValues(rows, column)).map((column) => ({
    type: "line", showSymbol: false, silent: true, data: points(rows, column, begin, 1 / 1000), z: 1,
    lineStyle: { color: palette[column === "solar_w" ? "solar" : "home"], width: 1.25, type: [3, 3], opacity: 0.75 },
  }));
}

function comparedRows(context) {
  return rowsOf(context.otherCharts?.power);
}

// Readings do not come every five minutes exactly: only more than half an hour without one is a gap.
function points(rows, column, begin, factor) {
  const result = [];
  let last = null;
  for (const row of rows) {
    if (!isKnown(row[column])) continue;
    const elapsed = Date.parse(row.time) - begin;
    if (last !== null && elapsed - last > GAP_MS) result.push([last + 1, null]);
    result.push([elapsed, row[column] * factor]);
    last = elapsed;
  }
  return result;
}

function isAnythingKnown(rows) {
  return CURVES.some(({ column }) => hasValues(rows, column));
}

// A battery that a house does not have is sent as 0 W and 0 %.
function hasBatteryCurve(rows) {
  return rows.some((row) => row.battery_percent > 0 || row.battery_w > 0 || row.battery_w < 0);
}

function hasCharge(rows) {
  return hasValues(rows, "battery_percent") && hasBatteryCurve(rows);
}

function shownCurves(rows) {
  return CURVES.filter(({ column }) => hasValues(rows, column) && (column !== "battery_w" || hasBatteryCurve(rows)));
}

function powerTooltip(parameters, rows, begin, zone) {
  const elapsed = parameters[0]?.value?.[0];
  const row = rows.find(({ time }) => Date.parse(time) - begin === elapsed);
  if (!row) return null;
  return {
    title: formatTime(row.time, zone),
    lines: [
      ...shownCurves(rows).map(({ column, colour }) => curveLine(row, column, colour)),
      ...(hasCharge(rows)
        ? [{ label: translate("power.battery_percent"), colour: "battery", value: percentText(row.battery_percent) }] : []),
    ],
  };
}

function curveLine(row, column, colour) {
  if (column !== "battery_w" || !row[column]) return { label: translate(`power.${column}`), colour, value: formatPower(row[column]) };
  const direction = row[column] > 0 ? "discharging" : "charging";
  return { label: translate(`now.${direction}`), colour, value: formatPower(Math.abs(row[column])) };
}

function percentText(percent) {
  return formatPercent(isKnown(percent) ? percent / 100 : null);
}
