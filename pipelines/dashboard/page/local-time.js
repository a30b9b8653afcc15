// Instants and local dates of the site's time zone, which need not be the browser's.

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
 * Returns the date some days after another.
 * @param {string} date Date, "YYYY-MM-DD".
 * @param {number} days Days to add.
 * @returns {string}
 */
export function addDays(date, days) {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/**
 * Returns the day of the week.
 * @param {string} date Date, "YYYY-MM-DD".
 * @returns {number} 0 for Monday to 6 for Sunday.
 */
export function weekdayOf(date) {
  return (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
}

/**
 * Returns how far a time zone is ahead of UTC.
 * @param {number} instant Milliseconds since 1970 UTC.
 * @param {string} zone Time zone.
 * @returns {number} Milliseconds.
 */
export function offsetAt(instant, zone) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
    hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(instant);
  const part = (name) => Number(parts.find(({ type }) => type === name).value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return local - Math.floor(instant / 1000) * 1000;
}
