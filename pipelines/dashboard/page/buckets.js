// The days, months or years that bars are of.

import { addressOf } from "./address.js";
import { element } from "./dom.js";
import { formatDate } from "./format.js";
import { addDays } from "./local-time.js";
import { goTo } from "./navigation.js";
import { translate } from "./translate.js";

const LABEL_STYLES = { week: "weekday", month: "dayOfMonth", year: "shortMonth", all: "year" };
const NAME_STYLES = { day: "full", month: "month", year: "year" };
const PERIOD_OF_BUCKET = { half_hour: "day", day: "day", month: "month", year: "year" };

/**
 * Writes the label of a bar on its axis.
 * @param {string} date First date of the bar.
 * @param {object} context The page's context.
 * @returns {string}
 */
export function bucketLabel(date, context) {
  return formatDate(date, LABEL_STYLES[context.scope.period] ?? "medium");
}

/**
 * Writes the full name of a day, month or year.
 * @param {string} date First date of the bar.
 * @param {object} context The page's context.
 * @returns {string}
 */
export function bucketName(date, context) {
  return formatDate(date, NAME_STYLES[context.scope.bucket] ?? "full");
}

/**
 * Returns a row for each day, month or year of the period, also for those to come.
 * @param {object[]} rows Rows with `bucket_start`.
 * @param {object} scope What the server shows.
 * @returns {object[]} Buckets without a row have only `bucket_start`.
 */
export function filledBuckets(rows, scope) {
  const known = new Map(rows.map((row) => [row.bucket_start, row]));
  return bucketDates(scope).map((date) => known.get(date) ?? { bucket_start: date });
}

/**
 * Returns the first dates of all days, months or years of the period.
 * @param {object} scope What the server shows.
 * @returns {string[]}
 */
export function bucketDates({ bucket, start, end, full_end: fullEnd }) {
  const last = fullEnd ?? end;
  const dates = [];
  for (let date = firstDateOf(start, bucket); date <= last; date = nextDate(date, bucket)) dates.push(date);
  return dates;
}

function firstDateOf(date, bucket) {
  if (bucket === "month") return `${date.slice(0, 7)}-01`;
  return bucket === "year" ? `${date.slice(0, 4)}-01-01` : date;
}

function nextDate(date, bucket) {
  const [year, month] = date.split("-").map(Number);
  if (bucket === "year") return `${year + 1}-01-01`;
  if (bucket !== "month") return addDays(date, 1);
  return month === 12 ? `${year + 1}-01-01` : `${year}-${String(month + 1).padStart(2, "0")}-01`;
}

/**
 * Shows the day, month or year whose bar was clicked.
 * @param {number} index Index of the bar.
 * @param {object} context The page's context.
 */
export function goToBucket(index, context) {
  const date = bucketDates(context.scope)[index];
  if (!date || date > context.scope.end || context.isReport) return;
  goTo({ ...context.state, period: PERIOD_OF_BUCKET[context.scope.bucket], date });
}

/**
 * Returns the column of a table that names the day, month or year, with a link that goes there.
 * @param {object} context The page's context.
 * @returns {object}
 */
export function bucketColumn(context) {
  return {
    label: translate(`column.${context.scope.bucket}`),
    isHeader: true,
    value: (row) => dateLink(row.bucket_start, bucketName(row.bucket_start, context),
      context, PERIOD_OF_BUCKET[context.scope.bucket]),
  };
}

/**
 * Builds a link to a day, month or year.
 * @param {string} date Its first date.
 * @param {string} label Text of the link.
 * @param {object} context The page's context.
 * @param {string} [period] Period to show.
 * @returns {Node|string} Only the text in a report.
 */
export function dateLink(date, label, context, period = "day") {
  if (context.isReport || !date) return label;
  return element("a", { href: addressOf({ ...context.state, period, date }), "data-go": true, text: label });
}
