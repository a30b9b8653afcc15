// The energies of days, months and years, and of a day's half hours, as stacked bars.

import { bucketColumn, bucketLabel, bucketName, filledBuckets, goToBucket } from "./buckets.js";
import { categoryAxis, gridOf, halfHourAxis, hatching, tooltip, valueAxis } from "./chart-parts.js";
import { daysColumn, daysNote, hatchingNote, isWhole } from "./completeness.js";
import { formatDate, formatEnergy, formatKwh, formatNumber, formatStart } from "./format.js";
import { hasValues, isKnown, rowsOf } from "./rows.js";
import { rolesNote } from "./site-notes.js";
import { colours, faded } from "./theme.js";
import { translate } from "./translate.js";

// What comes in stands above zero, what goes elsewhere than into the home below.
const ENERGY_PARTS = [
  { column: "solar_kwh", colour: "solar", sign: 1 },
  { column: "discharge_kwh", colour: "battery", sign: 1 },
  { column: "import_kwh", colour: "import", sign: 1 },
  { column: "charge_kwh", colour: "battery", sign: -1 },
  { column: "export_kwh", colour: "export", sign: -1 },
];

/** @type {import("./figure.js").FigureDeclaration} */
export const energyFigure = {
  id: "energy", chart: "energy", periods: ["week", "month", "year", "all"], height: "tall",
  sentence: (rows, context) => [
    anyPart(rows) ? hatchingNote(rows) : translate("energy.none"),
    sinceNote(context),
    rolesNote(anyPart(rows), rows.every(hasGrid), context),
    anyPart(rows) && !context.isReport ? translate(`energy.click_${context.scope.bucket}`) : "",
  ].filter(Boolean).join(" "),
  legend: (rows, context) => [
    ...legendItems(rows),
    ...(rows.some((row) => !isWhole(row)) ? [{ label: translate("legend.not_whole"), colour: "neutral", shape: "hatched" }] : []),
    ...(filledBuckets(rows, context.scope).some((row) => isUnknownBucket(row, context)) ? [{ label: translate("legend.unknown"), colour: "unknown" }] : []),
    ...(otherRows(context).length ? [{ label: context.otherTitle, colour: "neutral", shape: "light" }] : []),
  ],
  option: (rows, context) => {
    if (!anyPart(rows)) return null;
    const buckets = filledBuckets(rows, context.scope);
    return barOption(buckets, otherRows(context), {
      axis: (options) => bucketAxis(buckets, otherRows(context), context, options),
      title: (row) => bucketName(row.bucket_start, context),
      otherLabel: context.otherTitle,
      isUnknown: (row) => isUnknownBucket(row, context),
    });
  },
  onClick: goToBucket,
  columns: (context) => [
    bucketColumn(context),
    ...energyColumns(),
    { label: translate("column.home_counter"), value: (row) => formatEnergy(row.home_counter_kwh) },
    { label: translate("column.deviation"), value: (row) => formatEnergy(row.deviation_kwh) },
    daysColumn(),
  ],
};

/** @type {import("./figure.js").FigureDeclaration} */
export const halfHoursFigure = {
  id: "half_hours", chart: "half_hours", periods: ["day"], height: "medium",
  isShown: anyPart,
  sentence: (rows) => hasHole(rows) ? translate("half_hours.missing") : "",
  legend: legendItems,
  option: (rows, { scope }) => barOption(rows, [], {
    title: (row) => formatStart(row, scope.zone),
    axis: (options) => halfHourAxis(rows, options),
  }),
  columns: ({ scope }) => [
    { label: translate("column.time"), isHeader: true, value: (row) => formatStart(row, scope.zone) },
    ...energyColumns(),
  ],
};

function energyColumns() {
  return ["solar_kwh", "discharge_kwh", "import_kwh", "charge_kwh", "export_kwh", "home_kwh"].map((column) => ({
    label: translate("column.kwh", { name: translate(`energy.${column}`) }), value: (row) => formatEnergy(row[column]),
  }));
}

function anyPart(rows) {
  return [...ENERGY_PARTS, { column: "home_kwh" }].some(({ column }) => hasValues(rows, column));
}

function hasGrid(row) {
  return !anyPart([row]) || isKnown(row.import_kwh);
}

// What is still to come is no hole.
function hasHole(rows) {
  const last = rows.findLastIndex((row) => anyPart([row]));
  return rows.slice(0, last).some((row) => !row.is_complete);
}

function otherRows(context) {
  return rowsOf(context.otherCharts?.energy);
}

function legendItems(rows) {
  const above = ENERGY_PARTS.filter(({ column }) => isUsed(rows, column));
  return [
    ...above.map(({ column, colour, sign }) => ({ label: translate(`energy.${column}`), colour, shape: sign < 0 && colour === "battery" ? "light" : "area" })),
    ...(rows.some((row) => isKnown(homeOf(row))) ? [{ label: translate("energy.home_kwh"), colour: "home", shape: "mark" }] : []),
  ];
}

// A battery that a house does not have is sent as 0.
function isUsed(rows, column) {
  return rows.some((row) => isKnown(row[column]) && (row[column] > 0 || !["charge_kwh", "discharge_kwh"].includes(column)));
}

function bucketAxis(buckets, others, context, options) {
  const count = Math.max(buckets.length, others.length);
  return categoryAxis(Array.from({ length: count }, (_, index) => String(index)),
    (index) => buckets[index] ? bucketLabel(buckets[index].bucket_start, context) : "", options);
}

function barOption(rows, others, { axis, title, otherLabel, isUnknown }) {
  const palette = colours();
  const parts = ENERGY_PARTS.filter(({ column }) => isUsed(rows, column) || isUsed(others, column));
  return {
    tooltip: tooltip((parameters) => energyTooltip(rows[parameters[0].dataIndex], others[parameters[0].dataIndex], title, otherLabel), {
      axisPointer: { type: "shadow", shadowStyle: { color: faded(palette.muted, 0.12) } },
    }),
    grid: gridOf(),
    xAxis: axis({ axisLine: { onZero: true, lineStyle: { color: palette.muted } } }),
    yAxis: valueAxis("kWh"),
    series: [
      ...parts.map((part) => barSeries(part, rows, palette, "shown", 1)),
      ...(others.length ? parts.map((part) => barSeries(part, others, palette, "other", 0.42)) : []),
      ...(rows.some((row) => isKnown(homeOf(row))) ? [homeMarks(rows, palette, others.length > 0)] : []),
      ...(isUnknown && rows.some(isUnknown) ? [unknownBands(rows, palette, isUnknown)] : []),
    ],
  };
}

function firstDate({ scope, about }) {
  return about.sites.find(({ site }) => site === scope.device)?.first_date ?? scope.first_date ?? scope.start;
}

// What is empty before the first data is no hole.
function sinceNote(context) {
  const first = firstDate(context);
  const { period, start, end } = context.scope;
  return period !== "all" && first > start && first <= end ? translate("energy.since", { date: formatDate(first, "long") }) : "";
}

// Days that should have data and have none are a pale band: nothing known is not nothing used.
function isUnknownBucket(row, context) {
  const { scope } = context;
  return row.bucket_start >= firstDate(context) && row.bucket_start <= scope.end && !anyPart([row]);
}

function unknownBands(rows, palette, isUnknown) {
  return {
    type: "custom", z: 0, silent: true, encode: { x: 0 },
    data: rows.flatMap((row, index) => isUnknown(row) ? [[index]] : []),
    renderItem: ({ coordSys }, api) => {
      const band = api.size([1, 0])[0];
      const [x] = api.coord([api.value(0), 0]);
      return {
        type: "rect", shape: { x: x - band / 2 + 1, y: coordSys.y, width: band - 2, height: coordSys.height },
        style: { fill: faded(palette.muted, 0.1) },
      };
    },
  };
}

function barSeries({ column, colour, sign }, rows, palette, stack, opacity) {
  const isLight = sign < 0 && colour === "battery";
  return {
    type: "bar", stack, barMaxWidth: 48, barCategoryGap: "28%", barGap: "8%",
    itemStyle: { color: palette[colour], opacity: isLight ? opacity * 0.72 : opacity },
    emphasis: { disabled: true },
    data: rows.map((row) => ({
      value: isKnown(row[column]) ? row[column] * sign : null,
      itemStyle: isWhole(row) ? undefined : { decal: hatching() },
    })),
  };
}

// Where flows do not say what the home used, the inverter's counter does if it has all days. The two
// count differently and are never added up.
function homeOf(row) {
  return row.home_kwh ?? (isCounted(row) ? row.home_counter_kwh : null);
}

function isCounted(row) {
  return !isKnown(row.home_kwh) && isKnown(row.home_counter_kwh) && row.home_counter_days > 0
    && row.home_counter_days >= Math.max(row.days ?? 0, row.grid_days ?? 0, row.home_days ?? 0);
}

// The home's use is a mark across the bar: it is the sum of what stands above less what stands below.
function homeMarks(rows, palette, isCompared) {
  return {
    type: "custom", z: 5, silent: true,
    data: rows.map((row, index) => [index, homeOf(row)]),
    encode: { x: 0, y: 1 },
    renderItem: (_, api) => {
      const value = api.value(1);
      if (!isKnown(value) || Number.isNaN(value)) return null;
      const [x, y] = api.coord([api.value(0), value]);
      // Of two bars in a column the left one is the shown period's.
      const bar = Math.min(48, api.size([1, 0])[0] * 0.72 / (isCompared ? 2.08 : 1));
      const half = bar / 2 + (isCompared ? 1 : 3);
      const middle = isCompared ? x - bar * 0.54 : x;
      return {
        type: "rect", shape: { x: middle - half, y: y - 1.5, width: half * 2, height: 3, r: 1.5 },
        style: { fill: palette.home, stroke: palette.card, lineWidth: 1 },
      };
    },
  };
}

function energyTooltip(row, other, title, otherLabel) {
  if (!row) return null;
  const line = (column, colour) => ({
    label: translate(`energy.${column}`), colour,
    value: other ? `${formatKwh(row[column])} (${formatEnergy(other[column])})` : formatKwh(row[column]),
  });
  const days = daysNote(row) || (isWhole(row) ? "" : translate("days.not_whole"));
  return {
    title: title(row),
    lines: [
      ...ENERGY_PARTS.filter(({ column }) => isKnown(row[column])).map(({ column, colour }) => line(column, colour)),
      isCounted(row)
        ? { label: translate("energy.home_kwh"), colour: "home", value: formatKwh(row.home_counter_kwh) } : line("home_kwh", "home"),
    ],
    note: [
      isCounted(row) ? translate("energy.by_counter") : "",
      days,
      row.grid_days < row.days ? translate("energy.grid_days", { days: formatNumber(row.grid_days), count: row.grid_days }) : "",
      row.deviation_kwh > 0.05 ? translate("energy.deviation", { kwh: formatKwh(row.deviation_kwh) }) : "",
      other && otherLabel ? translate("energy.in_brackets", { period: other.bucket_start ? formatDate(other.bucket_start) : otherLabel }) : "",
    ].filter(Boolean).join(" · "),
  };
}
