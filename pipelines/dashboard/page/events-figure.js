// Events of the inverters on a line of time.

import { bucketDates } from "./buckets.js";
import { gridOf, isNarrow, labelWidth, tooltip, valueAxis } from "./chart-parts.js";
import { element } from "./dom.js";
import { formatDate, formatDuration, formatInstant, formatNumber, formatTime } from "./format.js";
import { addDays, startOfDay } from "./local-time.js";
import { distinct } from "./rows.js";
import { inverterName } from "./series-style.js";
import { colours } from "./theme.js";
import { translate } from "./translate.js";

const EVENT_HOUR_MS = 3_600_000;
const MOST_KINDS = 12;

/** @type {import("./figure.js").FigureDeclaration} */
export const eventsFigure = {
  id: "events", chart: "events", isNewestOnly: true,
  heightPx: (rows) => 40 + 30 * Math.min(MOST_KINDS, distinct(rows, "event").length),
  sentence: (rows) => {
    if (!rows.length) return translate("events.none");
    const open = rows.filter((row) => row.is_open).length;
    return [
      translate("events.sentence", { count: rows.length, events: formatNumber(rows.length) }),
      open ? translate("events.open", { count: open, open: formatNumber(open) }) : "",
    ].filter(Boolean).join(" ");
  },
  option: eventsOption,
  body: (rows, context) => rows.length ? [element("ul", { class: "facts" }, rows.slice(0, 5).map((row) => element("li", {},
    element("span", { text: formatInstant(row.started_at, context.scope.zone) }),
    element("span", { text: row.is_open ? translate("events.is_open") : formatDuration(row.duration_s) }),
    element("span", { class: "note", text: `${row.event} · ${inverterName(row.inverter_serial, context)}` }))))] : [],
  columns: (context) => [
    { label: translate("column.from_time"), isHeader: true, value: (row) => formatInstant(row.started_at, context.scope.zone) },
    { label: translate("column.to_time"), isText: true, value: (row) => row.is_open ? translate("events.is_open") : formatInstant(row.ended_at, context.scope.zone) },
    { label: translate("column.duration"), value: (row) => formatDuration(row.duration_s) },
    { label: translate("column.event"), isText: true, value: (row) => row.event },
    { label: translate("column.inverter"), isText: true, value: (row) => inverterName(row.inverter_serial, context) },
  ],
};

function eventsOption(rows, context) {
  const { scope } = context;
  const palette = colours();
  const begin = startOfDay(scope.start, scope.zone);
  const length = startOfDay(addDays(scope.end, 1), scope.zone) - begin;
  const kinds = distinct(rows, "event").slice(0, MOST_KINDS);
  const isDay = scope.period === "day";
  const room = labelWidth(kinds, isNarrow() ? 120 : 240) + 2;
  const ticks = isDay ? hoursOf(length) : tickDates(scope).map((date) => startOfDay(date, scope.zone) - begin);
  const dateAt = (elapsed) => new Date(begin + elapsed + 12 * EVENT_HOUR_MS).toISOString().slice(0, 10);
  const dateStyle = { week: "weekday", month: "dayMonth", year: "shortMonth", all: "year" }[scope.period];
  const clip = (instant) => Math.min(length, Math.max(0, instant - begin));
  const shown = rows.filter((row) => kinds.includes(row.event));
  return {
    tooltip: tooltip(({ dataIndex }) => eventTooltip(shown[dataIndex], context), { trigger: "item" }),
    grid: gridOf({ left: room + 14, top: 6, bottom: 28, right: 20 }),
    xAxis: {
      ...valueAxis("", { min: 0, max: length, splitLine: { show: false } }),
      axisLine: { show: true, lineStyle: { color: palette.muted } },
      axisTick: { show: true, customValues: ticks, lineStyle: { color: palette.muted } },
      axisLabel: {
        color: palette.muted, hideOverlap: true, customValues: ticks,
        formatter: (elapsed) => isDay ? formatTime(begin + elapsed, scope.zone) : formatDate(dateAt(elapsed), dateStyle),
      },
    },
    yAxis: {
      type: "category", data: kinds, axisTick: { show: false }, axisLine: { show: false },
      axisLabel: { color: palette.text, width: room, overflow: "truncate" },
    },
    series: [{
      type: "custom", itemStyle: { color: palette.import },
      encode: { x: [0, 1], y: 2 },
      data: shown.map((row) => [clip(Date.parse(row.started_at)), clip(row.ended_at ? Date.parse(row.ended_at) : Infinity), kinds.indexOf(row.event), row.is_open ? 1 : 0]),
      renderItem: (_, api) => {
        const [left, y] = api.coord([api.value(0), api.value(2)]);
        const [right] = api.coord([api.value(1), api.value(2)]);
        return {
          type: "rect", shape: { x: left, y: y - 5, width: Math.max(4, right - left), height: 10, r: 3 },
          style: { fill: api.value(3) ? palette.import : palette.neutral },
        };
      },
    }],
  };
}

function hoursOf(length) {
  const step = (isNarrow() ? 6 : 3) * EVENT_HOUR_MS;
  return Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step);
}

// A month has a label every five days; other periods have one for each bar of the other charts.
function tickDates(scope) {
  const dates = bucketDates(scope).filter((date) => date >= scope.start);
  return scope.period === "month" ? dates.filter((_, index) => index % 5 === 0) : dates;
}

function eventTooltip(row, context) {
  if (!row) return null;
  return {
    title: row.event,
    lines: [
      { label: translate("column.inverter"), value: inverterName(row.inverter_serial, context) },
      { label: translate("column.from_time"), value: formatInstant(row.started_at, context.scope.zone) },
      { label: translate("column.duration"), value: row.is_open ? translate("events.is_open") : formatDuration(row.duration_s) },
    ],
  };
}
