// What the period cost, what other tariffs would have cost, and when the installation is repaid.

import { bucketColumn, bucketLabel, bucketName, filledBuckets, goToBucket } from "./buckets.js";
import { categoryAxis, gridOf, halfHourAxis, hatching, isNarrow, labelWidth, tooltip, valueAxis } from "./chart-parts.js";
import { daysColumn, daysNote, hatchingNote, isWhole } from "./completeness.js";
import { formatMoney, formatNumber, formatStart } from "./format.js";
import { isKnown, moneyColumn, moneyOf } from "./rows.js";
import { colours, faded } from "./theme.js";
import { translate } from "./translate.js";

const COST_PARTS = [
  { name: "import_cost", colour: "import", sign: 1 },
  { name: "standing_charge", colour: "neutral", sign: 1 },
  { name: "export_income", colour: "export", sign: -1 },
];

/** @type {import("./figure.js").FigureDeclaration} */
export const costFigure = {
  id: "cost", chart: "cost", periods: ["week", "month", "year", "all"], height: "medium",
  isShown: hasCosts,
  sentence: (rows) => hatchingNote(rows),
  legend: (rows) => [
    ...COST_PARTS.map(({ name, colour }) => ({ label: translate(`cost.${name}`), colour, shape: "area" })),
    { label: translate("cost.net_cost"), colour: "home", shape: "line" },
    ...(rows.some((row) => !isWhole(row)) ? [{ label: translate("legend.not_whole"), colour: "neutral", shape: "hatched" }] : []),
  ],
  option: costOption,
  onClick: goToBucket,
  columns: (context) => [
    bucketColumn(context),
    ...["import_cost", "export_income", "standing_charge", "net_cost", "without", "saved", "battery_saved"].map((name) => moneyCell(name, context)),
    { label: translate("column.tariff"), isText: true, value: (row) => row.tariff },
    daysColumn(),
  ],
};

/** @type {import("./figure.js").FigureDeclaration} */
export const dayCostFigure = {
  id: "cost_half_hours", chart: "cost_half_hours", periods: ["day"], height: "panels",
  isShown: (rows, context) => rows.some((row) => isKnown(row.import_pence) || isKnown(moneyOf(row, "import_cost", context))),
  legend: () => [
    { label: translate("cost.import_cost"), colour: "import" },
    { label: translate("cost.export_income"), colour: "export" },
    { label: translate("cost.import_price"), colour: "home", shape: "line" },
    { label: translate("cost.export_price"), colour: "export", shape: "dashed" },
  ],
  option: dayCostOption,
  columns: (context) => [
    { label: translate("column.time"), isHeader: true, value: (row) => formatStart(row, context.scope.zone) },
    { label: translate("column.import_price"), value: (row) => formatNumber(row.import_pence, 2) },
    { label: translate("column.export_price"), value: (row) => formatNumber(row.export_pence, 2) },
    ...["import_cost", "export_income", "net_cost"].map((name) => moneyCell(name, context)),
  ],
};

/** @type {import("./figure.js").FigureDeclaration} */
export const whatIfFigure = {
  id: "what_if", chart: "what_if", periods: ["month", "year", "all"], size: "half",
  heightPx: (rows) => 12 + 44 * Math.max(2, rows.length),
  isShown: (rows) => rows.length > 0,
  sentence: () => translate("what_if.sentence"),
  option: whatIfOption,
  columns: (context) => [
    { label: translate("column.tariff"), isHeader: true, value: tariffName },
    ...["import_cost", "export_income", "standing_charge", "net_cost", "saved"].map((name) => moneyCell(name, context)),
    { label: translate("column.half_hours"), value: (row) => translate("days.short", { days: formatNumber(row.half_hours), expected: formatNumber(row.half_hours_known) }) },
  ],
};

function hasCosts(rows, context) {
  return rows.some((row) => isKnown(moneyOf(row, "net_cost", context)) || isKnown(moneyOf(row, "import_cost", context)));
}

function moneyCell(name, context) {
  return { label: translate(`cost.${name}`), value: (row) => formatMoney(moneyOf(row, name, context), context.scope.currency) };
}

function tariffName(row) {
  return row.is_in_force ? translate("what_if.in_force", { tariff: row.tariff }) : row.tariff;
}

function moneyAxis(context, options = {}) {
  return valueAxis("", {
    axisLabel: {
      color: colours().muted, hideOverlap: true,
      formatter: (value) => formatNumber(value, Number.isInteger(value) ? 0 : 2, { style: "currency", currency: context.scope.currency }),
    },
    ...options,
  });
}

function costOption(known, context) {
  const rows = filledBuckets(known, context.scope);
  const palette = colours();
  const bars = COST_PARTS.map(({ name, colour, sign }) => ({
    type: "bar", stack: "cost", barMaxWidth: 48, barCategoryGap: "28%",
    itemStyle: { color: palette[colour] }, emphasis: { disabled: true },
    data: rows.map((row) => ({
      value: signed(moneyOf(row, name, context), sign), itemStyle: isWhole(row) ? undefined : { decal: hatching() },
    })),
  }));
  return {
    tooltip: tooltip((parameters) => costTooltip(rows[parameters[0].dataIndex], context), {
      axisPointer: { type: "shadow", shadowStyle: { color: faded(palette.muted, 0.12) } },
    }),
    grid: gridOf({ top: 12, left: 56 }),
    xAxis: categoryAxis(rows.map((row) => row.bucket_start), (date) => bucketLabel(date, context)),
    yAxis: moneyAxis(context),
    series: [...bars, {
      type: "line", data: rows.map((row) => moneyOf(row, "net_cost", context)), symbol: "circle", symbolSize: 6, silent: true, z: 5,
      lineStyle: { color: palette.home, width: 2 }, itemStyle: { color: palette.home, borderColor: palette.card, borderWidth: 1 },
    }],
  };
}

function costTooltip(row, context) {
  if (!row) return null;
  const { currency } = context.scope;
  const line = (name, colour) => ({ label: translate(`cost.${name}`), colour, value: formatMoney(moneyOf(row, name, context), currency) });
  return {
    title: bucketName(row.bucket_start, context),
    lines: [...COST_PARTS.map(({ name, colour }) => line(name, colour)), line("net_cost", "home"), line("saved"), line("battery_saved")]
      .filter(({ label }) => label),
    note: daysNote(row),
  };
}

function dayCostOption(rows, context) {
  const palette = colours();
  const step = (column, colour, type) => ({
    type: "line", step: "middle", xAxisIndex: 1, yAxisIndex: 1, showSymbol: false, silent: true, data: rows.map((row) => row[column]),
    lineStyle: { color: palette[colour], width: 1.5, type }, itemStyle: { color: palette[colour] },
  });
  const bar = (name, colour, sign) => ({
    type: "bar", stack: "cost", barCategoryGap: "20%", itemStyle: { color: palette[colour] }, emphasis: { disabled: true },
    data: rows.map((row) => signed(moneyOf(row, name, context), sign)),
  });
  // The prices have a panel of their own: their axis has another zero.
  return {
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: tooltip((parameters) => dayCostTooltip(rows[parameters[0].dataIndex], context), {
      axisPointer: { type: "shadow", shadowStyle: { color: faded(palette.muted, 0.12) } },
    }),
    grid: [gridOf({ left: 56, bottom: 150 }), gridOf({ left: 56, top: "auto", height: 84, bottom: 28 })],
    xAxis: [halfHourAxis(rows, { axisLabel: { show: false } }), halfHourAxis(rows, { gridIndex: 1 })],
    yAxis: [moneyAxis(context), valueAxis(priceUnit(context.scope.currency), {
      gridIndex: 1, splitNumber: 2, nameTextStyle: { color: palette.muted, align: "left", padding: [0, 0, 0, -40] },
    })],
    series: [
      bar("import_cost", "import", 1), bar("export_income", "export", -1),
      step("import_pence", "home", "solid"), step("export_pence", "export", [4, 3]),
    ],
  };
}

function dayCostTooltip(row, context) {
  if (!row) return null;
  const money = (name) => formatMoney(moneyOf(row, name, context), context.scope.currency);
  return {
    title: formatStart(row, context.scope.zone),
    lines: [
      { label: translate("cost.import_price"), colour: "home", value: formatNumber(row.import_pence, 2) },
      { label: translate("cost.export_price"), colour: "export", value: formatNumber(row.export_pence, 2) },
      { label: translate("cost.import_cost"), colour: "import", value: money("import_cost") },
      { label: translate("cost.export_income"), colour: "export", value: money("export_income") },
    ],
  };
}

function whatIfOption(rows, context) {
  const palette = colours();
  const sorted = [...rows].filter((row) => isKnown(moneyOf(row, "net_cost", context)))
    .reverse();
  if (!sorted.length) return null;
  // What has prices for fewer half hours than another cannot be compared with it.
  const most = Math.max(...sorted.map((row) => row.half_hours));
  const room = labelWidth(sorted.map(tariffName), isNarrow() ? 110 : 180) + 2;
  return {
    tooltip: tooltip((parameters) => whatIfTooltip(sorted[parameters[0].dataIndex], context), { axisPointer: { type: "none" } }),
    grid: gridOf({ left: room + 14, right: 84, top: 4, bottom: 4 }),
    xAxis: { type: "value", show: false, max: "dataMax" },
    yAxis: categoryAxis(sorted.map(tariffName), (name) => name, {
      axisLine: { show: false }, axisLabel: { color: palette.text, width: room, overflow: "truncate" },
    }),
    series: [{
      type: "bar", barMaxWidth: 22, emphasis: { disabled: true },
      label: {
        show: true, position: "right", color: palette.text, fontWeight: 600,
        formatter: ({ dataIndex }) => formatMoney(sorted[dataIndex][moneyColumn("net_cost", context)], context.scope.currency),
      },
      data: sorted.map((row) => ({
        value: moneyOf(row, "net_cost", context),
        itemStyle: { color: row.is_in_force ? palette.import : palette.neutral, opacity: row.half_hours < most ? 0.35 : 1, borderRadius: 3, decal: row.is_complete ? undefined : hatching() },
      })),
    }],
  };
}

function whatIfTooltip(row, context) {
  if (!row) return null;
  const line = (name) => ({ label: translate(`cost.${name}`), value: formatMoney(moneyOf(row, name, context), context.scope.currency) });
  return {
    title: tariffName(row),
    lines: ["import_cost", "export_income", "standing_charge", "net_cost", "saved"].map(line),
    note: row.is_complete ? "" : translate("what_if.half_hours", { known: formatNumber(row.half_hours), count: row.half_hours_known, expected: formatNumber(row.half_hours_known) }),
  };
}

// Prices are in hundredths of the currency.
function priceUnit(currency) {
  return { GBP: "p/kWh", EUR: "ct/kWh" }[currency] ?? `${currency}/100/kWh`;
}

function signed(value, sign) {
  return isKnown(value) ? value * sign : null;
}
