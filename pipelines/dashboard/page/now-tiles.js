// The newest reading with its age.

import { element, icon } from "./dom.js";
import { formatDuration, formatInstant, formatNumber, formatPercent, formatPower, formatTime } from "./format.js";
import { isKnown, rowsOf, sumOf } from "./rows.js";
import { translate } from "./translate.js";

const OLD_MIN = 30;
const GONE_MIN = 24 * 60;
const GRID_ROLES = ["whole_site", "grid_meter"];

/**
 * Builds the strip of the newest reading.
 * @param {?object} now The server's rows of `now`.
 * @param {object} context The page's context.
 * @returns {HTMLElement[]} Empty if the page does not show today.
 */
export function nowTilesOf(now, context) {
  const rows = rowsOf(now).filter((row) => row.time && row.role !== "ignored");
  const { scope } = context;
  if (context.isReport || !rows.length || scope.start > scope.today || scope.end < scope.today) return [];
  const time = rows.map((row) => row.time).sort()[0];
  const ageMin = Math.max(...rows.map((row) => row.age_min ?? 0));
  const age = formatDuration(ageMin * 60);
  if (ageMin > GONE_MIN) {
    return [element("p", { class: "now-gone", text: translate("now.gone", { time: formatInstant(time, scope.zone), age }) })];
  }
  const count = rows[0].inverters ?? 0;
  if (count > rowsOf(now).length) {
    const text = translate("battery.some", { shown: formatNumber(rowsOf(now).length), count: formatNumber(count) });
    return [element("p", { class: "now-gone", text })];
  }
  return [element("div", { class: `card now${ageMin > OLD_MIN ? " is-old" : ""}` },
    element("h2", { class: "now-title" }, translate("now.title"),
      element("span", { class: "now-age", text: translate("now.age", { time: formatTime(time, scope.zone), age }) })),
    element("dl", { class: "now-values" }, valuesOf(rows, rowsOf(now), scope.kind).map(({ id, label, value }) => element("div", { class: `is-${id}` },
      element("dt", {}, icon(id), label), element("dd", { text: value })))))];
}

function valuesOf(rows, allRows, kind) {
  const total = (column, list = rows) => list.every((row) => isKnown(row[column])) ? sumOf(list.map((row) => row[column])) : null;
  const meters = kind === "site" ? rows.filter(({ role }) => GRID_ROLES.includes(role)) : rows;
  const grid = meters.length ? total("grid_power_w", meters) : null;
  const home = rows.length === 1 || meters.length ? total("home_power_w", meters.length ? meters : rows) : null;
  const battery = total("battery_power_w");
  const charges = allRows.map((row) => row.battery_percent).filter(isKnown);
  const charge = charges.length ? charges.reduce((sum, percent) => sum + percent, 0) / charges.length : null;
  return [
    { id: "solar", label: translate("now.solar"), value: formatPower(total("solar_power_w")) },
    isKnown(home) && { id: "home", label: translate("now.home"), value: formatPower(home) },
    isKnown(grid) && {
      id: grid > 0 ? "export" : "import", label: translate(grid > 0 ? "now.exporting" : "now.importing"), value: formatPower(Math.abs(grid)),
    },
    isKnown(charge) && isKnown(battery) && (charge > 0 || battery !== 0) && {
      id: "battery", label: translate(batteryState(battery)),
      value: `${formatPower(Math.abs(battery))} · ${formatPercent(charge / 100)}`,
    },
  ].filter(Boolean);
}

function batteryState(watts) {
  if (watts === 0) return "now.idle";
  return watts > 0 ? "now.discharging" : "now.charging";
}
