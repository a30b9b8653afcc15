// Numbers, dates and money as the reader's language writes them. Null is "–", never 0.

import { isRepeated } from "./local-time.js";
import { locale, translate } from "./translate.js";

/** What stands where a value is not known. */
export const UNKNOWN = "–";

const numberFormats = new Map();
const dateFormats = new Map();

/**
 * Formats a number with a fixed number of decimals.
 * @param {number|null} value The number.
 * @param {number} [decimals] Decimals.
 * @param {object} [options] Further options of `Intl.NumberFormat`.
 * @returns {string}
 */
export function formatNumber(value, decimals = 0, options = {}) {
  if (value === null || value === undefined || Number.isNaN(value)) return UNKNOWN;
  const key = `${decimals}${JSON.stringify(options)}`;
  if (!numberFormats.has(key)) {
    numberFormats.set(key, new Intl.NumberFormat(locale, {
      minimumFractionDigits: decimals, maximumFractionDigits: decimals, ...options,
    }));
  }
  // Else a tiny negative number would be "-0".
  const places = options.style === "percent" ? decimals + 2 : decimals;
  const rounded = Math.abs(value) < 0.5 * 10 ** -places ? 0 : value;
  return numberFormats.get(key).format(rounded);
}

/**
 * Formats an energy without its unit: two decimals below 10 kWh, else one.
 * @param {number|null} kwh Energy, kWh.
 * @returns {string}
 */
export function formatEnergy(kwh) {
  return formatNumber(kwh, Math.abs(kwh ?? 0) < 9.995 ? 2 : 1);
}

/**
 * Formats an energy with its unit.
 * @param {number|null} kwh Energy, kWh.
 * @returns {string}
 */
export function formatKwh(kwh) {
  return withUnit(formatEnergy(kwh), "kWh");
}

/**
 * Formats a power in kW with its unit.
 * @param {number|null} watts Power, W.
 * @returns {string}
 */
export function formatPower(watts) {
  return withUnit(watts === null || watts === undefined ? UNKNOWN : formatNumber(watts / 1000, 2), "kW");
}

/**
 * Formats a share as a percentage.
 * @param {number|null} share Share, 0 to 1.
 * @param {number} [decimals] Decimals.
 * @returns {string}
 */
export function formatPercent(share, decimals = 0) {
  return formatNumber(share, decimals, { style: "percent" });
}

/**
 * Formats an amount of money.
 * @param {number|null} amount Amount.
 * @param {string} currency ISO code of the currency.
 * @param {object} [options] Further options of `Intl.NumberFormat`, such as `signDisplay`.
 * @returns {string}
 */
export function formatMoney(amount, currency, options = {}) {
  return formatNumber(amount, 2, { style: "currency", currency, ...options });
}

/**
 * Formats a duration in hours and minutes.
 * @param {number|null} seconds Duration, s.
 * @returns {string}
 */
export function formatDuration(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return translate("duration.minutes", { minutes: formatNumber(minutes) });
  const parts = { hours: formatNumber(Math.floor(minutes / 60)), minutes: formatNumber(minutes % 60) };
  return minutes < 48 * 60
    ? translate("duration.hours", parts)
    : translate("duration.days", { days: formatNumber(minutes / 1440, 1) });
}

const DATE_STYLES = {
  full: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  long: { day: "numeric", month: "long", year: "numeric" },
  medium: { day: "numeric", month: "short", year: "numeric" },
  weekday: { weekday: "short", day: "numeric" },
  dayMonth: { day: "numeric", month: "short" },
  dayOfMonth: { day: "numeric" },
  month: { month: "long", year: "numeric" },
  shortMonth: { month: "short" },
  monthYear: { month: "short", year: "numeric" },
  year: { year: "numeric" },
};

/**
 * Formats a local date.
 * @param {string|null} date Date, "YYYY-MM-DD".
 * @param {keyof DATE_STYLES} [style] What of it to write.
 * @returns {string}
 */
export function formatDate(date, style = "medium") {
  if (!date) return UNKNOWN;
  return dateFormat({ ...DATE_STYLES[style], timeZone: "UTC" }).format(utcMidnight(date));
}

/**
 * Formats a range of local dates.
 * @param {string} first First date.
 * @param {string} last Last date.
 * @param {keyof DATE_STYLES} [style] What of them to write.
 * @returns {string}
 */
export function formatDateRange(first, last, style = "long") {
  return dateFormat({ ...DATE_STYLES[style], timeZone: "UTC" }).formatRange(utcMidnight(first), utcMidnight(last));
}

/**
 * Formats the time of an instant in a time zone.
 * @param {string|number|null} instant ISO instant or milliseconds.
 * @param {string} zone Time zone of the site.
 * @returns {string}
 */
export function formatTime(instant, zone) {
  if (instant === null || instant === undefined) return UNKNOWN;
  return dateFormat({ hour: "2-digit", minute: "2-digit", timeZone: zone, ...zoneNameOf(instant, zone) }).format(new Date(instant));
}

/**
 * Formats date and time of an instant in a time zone.
 * @param {string|number|null} instant ISO instant or milliseconds.
 * @param {string} zone Time zone of the site.
 * @returns {string}
 */
export function formatInstant(instant, zone) {
  if (instant === null || instant === undefined) return UNKNOWN;
  return dateFormat({ ...DATE_STYLES.medium, hour: "2-digit", minute: "2-digit", timeZone: zone, ...zoneNameOf(instant, zone) })
    .format(new Date(instant));
}

/**
 * Writes when a half hour starts on the clock, with the name of the zone where the clock shows it twice.
 * @param {object} row A row with `start_at` and `start_local`.
 * @param {string} zone Time zone of the site.
 * @returns {string}
 */
export function formatStart(row, zone) {
  const options = zoneNameOf(row.start_at, zone);
  if (!options) return row.start_local;
  const parts = dateFormat({ hour: "2-digit", minute: "2-digit", timeZone: zone, ...options }).formatToParts(new Date(row.start_at));
  return `${row.start_local} ${parts.find(({ type }) => type === "timeZoneName")?.value ?? ""}`.trim();
}

function zoneNameOf(instant, zone) {
  return isRepeated(new Date(instant).getTime(), zone) ? { timeZoneName: "short" } : null;
}

function withUnit(number, unit) {
  return number === UNKNOWN ? UNKNOWN : `${number}\u00a0${unit}`;
}

function utcMidnight(date) {
  return new Date(`${date.slice(0, 10)}T00:00:00Z`);
}

function dateFormat(options) {
  const key = JSON.stringify(options);
  if (!dateFormats.has(key)) dateFormats.set(key, new Intl.DateTimeFormat(locale, options));
  return dateFormats.get(key);
}
