// Instants and local dates of the site's time zone, which need not be the browser's.

/** Milliseconds of an hour. */
export const HOUR_MS = 3_600_000;
const offsetFormats = new Map();

/**
 * Returns the first instant of a local day.
 * @param {string} date Local date, "YYYY-MM-DD".
 * @param {string} zone Time zone.
 * @returns {number} Milliseconds since 1970 UTC.
 */
export function startOfDay(date, zone) {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const first = midnight - offsetAt(midnight, zone);
  return midnight - offsetAt(first, zone);
}

/**
 * Returns the local date of an instant.
 * @param {number} instant Milliseconds since 1970 UTC.
 * @param {string} zone Time zone.
 * @returns {string} Date, "YYYY-MM-DD".
 */
export function localDate(instant, zone) {
  return new Date(instant + offsetAt(instant, zone)).toISOString().slice(0, 10);
}

/**
 * Says whether the clock shows an instant's time twice, as in the hour that autumn repeats.
 * @param {number} instant Milliseconds since 1970 UTC.
 * @param {string} zone Time zone.
 * @returns {boolean}
 */
export function isRepeated(instant, zone) {
  const [before, now, after] = [-3, 0, 3].map((hours) => offsetAt(instant + hours * HOUR_MS, zone));
  if (before <= after) return false;
  const shift = before - after;
  return offsetAt(instant + shift, zone) === now - shift || offsetAt(instant - shift, zone) === now + shift;
}

/**
 * Returns the instants of a day at which its clock shows whole multiples of some hours.
 * @param {number} begin First instant, milliseconds since 1970 UTC.
 * @param {number} length Length of the day, ms.
 * @param {number} hours Hours between them on the clock.
 * @param {string} zone Time zone.
 * @returns {number[]} Milliseconds since the first instant.
 */
export function clockTicks(begin, length, hours, zone) {
  const ticks = new Map();
  for (let elapsed = 0; elapsed < length; elapsed += HOUR_MS / 2) {
    const local = new Date(begin + elapsed + offsetAt(begin + elapsed, zone));
    const isTick = local.getUTCMinutes() === 0 && local.getUTCHours() % hours === 0;
    if (isTick && !ticks.has(local.getTime())) ticks.set(local.getTime(), elapsed);
  }
  return [...ticks.values()];
}

/**
 * Returns the date some days after another.
 * @param {string} date Date, "YYYY-MM-DD".
 * @param {number} days Days to add.
 * @returns {string}
 */
export function addDays(date, days) {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/**
 * Returns how far a time zone is ahead of UTC.
 * @param {number} instant Milliseconds since 1970 UTC.
 * @param {string} zone Time zone.
 * @returns {number} Milliseconds.
 */
export function offsetAt(instant, zone) {
  if (!offsetFormats.has(zone)) {
    offsetFormats.set(zone, new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    }));
  }
  const parts = offsetFormats.get(zone).formatToParts(instant);
  const part = (name) => Number(parts.find(({ type }) => type === name).value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return local - Math.floor(instant / 1000) * 1000;
}
