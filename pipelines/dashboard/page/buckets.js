// The days, months or years that bars are of.

import { addressOf } from "./address.js";
import { element } from "./dom.js";
import { formatDate } from "./format.js";
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
 * Returns what the page shows after a bar was clicked.
 * @param {string} date First date of the bar.
 * @param {object} context The page's context.
 * @returns {object} State of the page.
 */
export function bucketState(date, context) {
  return { ...context.state, period: PERIOD_OF_BUCKET[context.scope.bucket], date };
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
