// Patterns: energy by hour and day, and the typical day.

import { categoryAxis, gridOf, isNarrow, tooltip, valueAxis } from "./chart-parts.js";
import { choiceOf } from "./choice.js";
import { formatDate, formatEnergy, formatKwh, formatNumber, formatPower } from "./format.js";
import { distinct, hasValues, isKnown } from "./rows.js";
import { colours, faded } from "./theme.js";
import { translate } from "./translate.js";

const MEASURES = ["solar", "home", "import", "export"];

/** @type {import("./figure.js").FigureDeclaration} */
export const heatMapFigure = {
  id: "heat_map", chart: "heat_map", periods: ["week", "month", "year", "all"], height: "medium", renderer: "canvas",
  isShown: (rows) => MEASURES.some((name) => hasValues(rows, `${name}_kwh`)),
  sentence: (rows, context) => translate(context.scope.period === "all" ? "heat_map.months" : "heat_map.days"),
  controls: (rows, context, figure) => {
    const names = MEASURES.filter((name) => hasValues(rows, `${name}_kwh`));
    return [choiceOf(translate("heat_map.measure"), names.map((name) => ({ value: name, label: translate(`tile.${name}`) })), figure)];
  },
  option: heatMapOption,
  columns: () => [
    { label: translate("column.day"), isHeader: true, value: (row) => formatDate(row.local_date) },
    { label: translate("column.hour"), value: (row) => formatNumber(row.hour) },
    ...MEASURES.map((name) => ({ label: translate("column.kwh", { name: translate(`tile.${name}`) }), value: (row) => formatEnergy(row[`${name}_kwh`]) })),
  ],
};

/** @type {import("./figure.js").FigureDeclaration} */
export const typicalDayFigure = {
  id: "typical_day", chart: "typical_day", periods: ["week", "month", "year", "all"], height: "medium",
  isShown: (rows) => hasValues(rows, "home_mean_w") || hasValues(rows, "solar_mean_w"),
  sentence: (rows) => {
    const [days, homeDays] = ["days", "home_days"].map((column) => Math.max(...rows.map((row) => row[column] ?? 0)));
    return [
      translate("typical_day.sentence", { days: formatNumber(days), count: days }),
      homeDays < days ? translate("typical_day.home", { days: formatNumber(homeDays), count: homeDays }) : "",
    ].filter(Boolean).join(" ");
  },
  legend: (rows) => [
    ...["solar", "home"].filter((name) => hasValues(rows, `${name}_mean_w`)).flatMap((name) => [
      { label: translate("typical_day.mean", { name: translate(`tile.${name}`) }), colour: name, shape: "line" },
      { label: translate("typical_day.band", { name: translate(`tile.${name}`) }), colour: name, shape: "light" },
    ]),
    ...(hasValues(rows, "import_mean_w") ? [{ label: translate("typical_day.mean", { name: translate("tile.import") }), colour: "import", shape: "dashed" }] : []),
  ],
  option: typicalDayOption,
  columns: () => [
    { label: translate("column.time"), isHeader: true, value: (row) => row.half_hour },
    ...["home", "solar"].flatMap((name) => ["mean", "p10", "p90"].map((part) => ({
      label: translate(`typical_day.column_${part}`, { name: translate(`tile.${name}`) }), value: (row) => formatPower(row[`${name}_${part}_w`]),
    }))),
    { label: translate("typical_day.mean", { name: translate("tile.import") }), value: (row) => formatPower(row.import_mean_w) },
    { label: translate("typical_day.mean", { name: translate("tile.export") }), value: (row) => formatPower(row.export_mean_w) },
    { label: translate("column.days"), value: (row) => formatNumber(row.days) },
  ],
};

// Days run to the right and hours upwards; a week has its few days as rows instead.
function heatMapOption(rows, context, figure) {
  const measure = figure.choices.shown ?? "solar";
  const palette = colours();
  const column = `${measure}_kwh`;
  const days = distinct(rows, "local_date");
  const dayIndex = new Map(days.map((day, index) => [day, index]));
  const style = { week: "weekday", month: "dayOfMonth", year: "shortMonth", all: days.length > 24 ? "year" : "monthYear" }[context.scope.period];
  const largest = Math.max(0.01, ...rows.map((row) => row[column] ?? 0));
  const hourLabel = (hour) => `${String(hour).padStart(2, "0")}:00`;
  return {
    tooltip: tooltip(({ data }) => ({
      title: `${formatDate(days[data[0]], context.scope.period === "all" ? "month" : "full")}, ${hourLabel(data[1])}`,
      lines: [{ label: translate(`tile.${measure}`), colour: measure, value: formatKwh(data[2] === "-" ? null : data[2]) }],
      note: context.scope.period === "all" ? meanNote(data[3], measure) : "",
    }), { trigger: "item" }),
    grid: gridOf({ left: 52, top: 8, bottom: 64 }),
    xAxis: categoryAxis(days, null, { axisLine: { show: false }, axisLabel: {
      color: palette.muted, hideOverlap: true, margin: 10, formatter: (day) => formatDate(day, style),
      interval: (_, day) => days.length <= 24 || isLabelled(day, context.scope.period),
    } }),
    yAxis: categoryAxis(Array.from({ length: 24 }, (_, hour) => String(hour)), (hour) => hourLabel(hour), {
      inverse: true, axisLine: { show: false }, axisLabel: { color: palette.muted, interval: isNarrow() ? 5 : 2, formatter: hourLabel },
    }),
    visualMap: {
      // The last dimension, which it would take, is the row.
      dimension: 2, min: 0, max: largest, orient: "horizontal", left: "center", bottom: 0, itemWidth: 10, itemHeight: isNarrow() ? 110 : 180, calculable: false,
      text: [formatKwh(largest), formatKwh(0)], textStyle: { color: palette.muted },
      inRange: { color: [palette["heat-low"], palette[measure]] },
    },
    series: [{
      type: "heatmap", progressive: 0, emphasis: { itemStyle: { borderColor: palette.text, borderWidth: 1 } },
      itemStyle: { borderColor: palette.card, borderWidth: days.length > 70 ? 0 : 1 },
      data: rows.filter((row) => isKnown(row[column])).map((row) => [dayIndex.get(row.local_date), row.hour, row[column], row]),
    }],
  };
}

// A year has a label for each month, all data one for each year, a month on a phone every fifth day.
function isLabelled(day, period) {
  if (period === "month" && isNarrow()) return Number(day.slice(8)) % 5 === 1;
  if (period === "year") return day.endsWith("-01");
  return period !== "all" || day.endsWith("-01-01");
}

function typicalDayOption(rows) {
  const palette = colours();
  const names = ["solar", "home"].filter((name) => hasValues(rows, `${name}_mean_w`));
  const kilowatts = (column) => rows.map((row) => isKnown(row[column]) ? row[column] / 1000 : null);
  const line = (name, options) => ({
    type: "line", showSymbol: false, silent: true, data: kilowatts(`${name}_mean_w`),
    lineStyle: { color: palette[name], width: 2, ...options }, itemStyle: { color: palette[name] }, z: 4,
  });
  const bandOf = (name) => {
    const invisible = { type: "line", stack: `band ${name}`, symbol: "none", silent: true, lineStyle: { opacity: 0 }, z: 2 };
    return [
      { ...invisible, data: kilowatts(`${name}_p10_w`) },
      { ...invisible, areaStyle: { color: faded(palette[name], 0.2) },
        data: rows.map((row) => isKnown(row[`${name}_p90_w`]) ? (row[`${name}_p90_w`] - row[`${name}_p10_w`]) / 1000 : null) },
    ];
  };
  return {
    tooltip: tooltip((parameters) => typicalDayTooltip(rows[parameters[0].dataIndex], names)),
    grid: gridOf(),
    xAxis: categoryAxis(rows.map((row) => row.half_hour), (time) => time, {
      boundaryGap: false, axisLabel: { color: palette.muted, margin: 10, interval: isNarrow() ? 11 : 5 },
    }),
    yAxis: valueAxis("kW"),
    series: [
      ...names.flatMap(bandOf), ...names.map((name) => line(name)),
      ...(hasValues(rows, "import_mean_w") ? [line("import", { width: 1.5, type: [5, 3] })] : []),
    ],
  };
}

// Not all days of which the solar energy is known have that of the home and the grid.
function meanNote(row, measure = null) {
  const days = measure === null || measure === "solar" ? row.days : row.home_days;
  return [
    translate("typical_day.days", { days: formatNumber(days), count: days }),
    measure === null && row.home_days < row.days ? translate("typical_day.home", { days: formatNumber(row.home_days), count: row.home_days }) : "",
  ].filter(Boolean).join(" · ");
}

function typicalDayTooltip(row, names) {
  if (!row) return null;
  return {
    title: row.half_hour,
    lines: [
      ...names.map((name) => ({
        label: translate(`tile.${name}`), colour: name,
        value: isKnown(row[`${name}_p10_w`])
          ? `${formatPower(row[`${name}_mean_w`])} (${formatNumber(row[`${name}_p10_w`] / 1000, 2)} – ${formatNumber(row[`${name}_p90_w`] / 1000, 2)})`
          : formatPower(row[`${name}_mean_w`]),
      })),
      { label: translate("tile.import"), colour: "import", value: formatPower(row.import_mean_w) },
    ],
    note: meanNote(row),
  };
}
