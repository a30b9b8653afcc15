// The figures of the period, each with last year's or the compared period's.

import { commandOf } from "./commands.js";
import { daysNote } from "./completeness.js";
import { element, icon } from "./dom.js";
import { formatEnergy, formatKwh, formatMoney, formatNumber, formatPercent } from "./format.js";
import { isKnown, moneyOf, rowsOf } from "./rows.js";
import { translate } from "./translate.js";

const ENERGY_TILES = [
  { id: "solar", column: "solar_kwh" },
  { id: "home", column: "home_kwh", daysColumn: "home_days" },
  { id: "import", column: "import_kwh", daysColumn: "grid_days" },
  { id: "export", column: "export_kwh", daysColumn: "grid_days" },
];

/**
 * Builds the tiles.
 * @param {object} context The page's context.
 * @returns {HTMLElement[]}
 */
export function tilesOf(context) {
  const answer = context.charts.totals;
  if (answer?.error) return [element("p", { class: "card is-full sentence is-problem", text: translate("figure.failed", { reason: answer.error }) })];
  const rows = rowsOf(answer);
  const shown = rows.find(({ range }) => range === "shown");
  if (!shown) return [];
  const name = context.state.compare === "before" ? "before" : "year";
  const other = rows.find(({ range }) => range === name);
  const comparison = { shown, other, context, label: translate(`tile.${name}`) };
  return [
    ...ENERGY_TILES.map((tile) => energyTile(tile, comparison)),
    batteryTile(comparison),
    shareTile(comparison),
    costTile(comparison),
    daysTile(comparison),
  ].filter(Boolean);
}

function energyTile({ id, column, daysColumn }, comparison) {
  const { shown, other } = comparison;
  const isCounted = id === "home" && !isKnown(shown.home_kwh) && isKnown(shown.home_counter_kwh);
  const value = isCounted ? shown.home_counter_kwh : shown[column];
  const counterNote = [translate("tile.by_counter"), daysNote(shown, "home_counter_days")].filter(Boolean).join(" · ");
  return tile({
    id, value: formatEnergy(value), unit: isKnown(value) ? "kWh" : "",
    note: isCounted ? counterNote : isKnown(value) ? daysNote(shown, daysColumn) : unknownNote(id, comparison),
    past: isKnown(other?.[column]) && {
      text: formatKwh(other[column]),
      days: daysNote(other, daysColumn),
      change: relativeChange(shown[column], other[column], comparison, daysColumn),
    },
    label: comparison.label,
  });
}

function batteryTile(comparison) {
  const { shown, other } = comparison;
  if (!shown.charge_kwh && !shown.discharge_kwh) return null;
  return tile({
    id: "battery", value: formatEnergy(shown.discharge_kwh), unit: isKnown(shown.discharge_kwh) ? "kWh" : "",
    note: [translate("tile.charged", { kwh: formatKwh(shown.charge_kwh) }), daysNote(shown)].filter(Boolean).join(" · "),
    past: isKnown(other?.discharge_kwh) && {
      text: formatKwh(other.discharge_kwh), days: daysNote(other),
      change: relativeChange(shown.discharge_kwh, other.discharge_kwh, comparison),
    },
    label: comparison.label,
  });
}

function shareTile(comparison) {
  const { shown, other } = comparison;
  const points = isComparable(comparison, "flow_days") && isKnown(shown.self_sufficiency) && isKnown(other?.self_sufficiency)
    ? pointsText((shown.self_sufficiency - other.self_sufficiency) * 100) : "";
  return tile({
    id: "self", value: formatPercent(shown.self_sufficiency), unit: "",
    note: [
      isKnown(shown.self_consumption) ? translate("tile.self_consumption", { percent: formatPercent(shown.self_consumption) }) : "",
      isKnown(shown.self_sufficiency) ? daysNote(shown, "flow_days") : "",
    ].filter(Boolean).join(" · "),
    past: isKnown(other?.self_sufficiency) && {
      text: formatPercent(other.self_sufficiency), days: daysNote(other, "flow_days"), change: points,
    },
    label: comparison.label,
  });
}

function costTile(comparison) {
  const { shown, other, context } = comparison;
  if (!context.about.has_tariff) {
    const step = context.about.tariffs?.length ? "use" : "load";
    return tile({ id: "cost", value: "", unit: "", note: translate(`tile.no_tariff_${step}`), code: commandOf(`tariffs ${step}`) });
  }
  const { currency } = context.scope;
  const cost = moneyOf(shown, "net_cost", context);
  const past = other && moneyOf(other, "net_cost", context);
  const saved = moneyOf(shown, "saved", context);
  return tile({
    id: "cost", value: formatMoney(cost, currency), unit: "",
    note: [
      isKnown(saved) ? translate("tile.saved", { amount: formatMoney(saved, currency) }) : "",
      isKnown(cost) ? daysNote(shown, "cost_days") : translate(shown.tariff ? "tile.no_cost" : "tile.no_tariff_then"),
    ].filter(Boolean).join(" · "),
    past: isKnown(past) && {
      text: formatMoney(past, currency), days: daysNote(other, "cost_days"),
      change: isComparable(comparison, "cost_days") && isKnown(cost)
        ? formatMoney(cost - past, currency, { signDisplay: "exceptZero" }) : "",
    },
    label: comparison.label,
  });
}

function daysTile({ shown }) {
  const parts = { days: formatNumber(shown.days ?? 0), expected: formatNumber(shown.days_expected ?? 0) };
  return tile({
    id: "complete", value: translate("days.short", parts), unit: "",
    note: shown.days_expected && (shown.days ?? 0) >= shown.days_expected
      ? translate("tile.all_whole") : translate("tile.see_complete"),
    link: shown.days < shown.days_expected ? "#section-complete" : null,
  });
}

function tile({ id, value, unit, note, past, label, code, link }) {
  const title = translate(`tile.${id}`);
  return element("article", { class: `card tile is-${id}`, "aria-label": title },
    element("h2", { class: "tile-title" }, icon(id), title),
    value && element("p", { class: "tile-value" }, value, unit && element("span", { class: "tile-unit", text: unit })),
    note && element("p", { class: "tile-note" }, link ? element("a", { href: link, text: note }) : note),
    code && element("p", { class: "tile-note" }, element("code", { text: code })),
    past && element("p", { class: "tile-past" },
      element("span", { text: `${label}: ${past.text}` }),
      past.days && element("span", { class: "tile-days", text: past.days }),
      past.change && element("span", { class: "tile-change", text: past.change })));
}

function unknownNote(id, { shown, context }) {
  const isUnknownGrid = id !== "solar" && !isKnown(shown.import_kwh) && isKnown(shown.solar_kwh)
    && context.scope.kind === "site" && context.deviceCount > 1;
  return translate(isUnknownGrid ? "tile.roles" : "tile.unknown");
}

function pointsText(points) {
  const count = Math.abs(Math.round(points));
  return translate("tile.points", { points: formatNumber(points, 0, { signDisplay: "exceptZero" }), count });
}

// Sums over different parts of a period say nothing about a change. A day that goes on is no hole
// in a month, but it is all of a day.
function isComparable({ shown, other, context }, column = "days") {
  if (!other || !other.days_expected || (other[column] ?? 0) < other.days_expected) return false;
  const isRunning = context.scope.end === context.scope.today && context.scope.period !== "day";
  return (shown[column] ?? 0) >= shown.days_expected - (isRunning ? 1 : 0);
}

function relativeChange(value, past, comparison, column) {
  if (!isKnown(value) || !past || !isComparable(comparison, column)) return "";
  return formatNumber((value - past) / Math.abs(past), 0, { style: "percent", signDisplay: "exceptZero" });
}
