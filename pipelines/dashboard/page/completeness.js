// How much of a figure's days is known, in words.

import { formatNumber } from "./format.js";
import { isKnown } from "./rows.js";
import { translate } from "./translate.js";

/**
 * Says whether all days that a row should hold are whole.
 * @param {object} row A row with `days` and `days_expected`.
 * @returns {boolean}
 */
export function isWhole(row) {
  if (isKnown(row.is_complete) && !isKnown(row.days_expected)) return row.is_complete;
  return !isKnown(row.days_expected) || (row.days ?? 0) >= row.days_expected;
}

/**
 * Writes how many of the days are known.
 * @param {object} row A row with `days` and `days_expected`.
 * @param {string} [column] Column with the number of days that are known.
 * @returns {string} "" if all are.
 */
export function daysNote(row, column = "days") {
  const days = row[column] ?? 0;
  if (!isKnown(row.days_expected) || days >= row.days_expected) return "";
  return translate("days.of", {
    days: formatNumber(days), expected: formatNumber(row.days_expected), count: row.days_expected,
  });
}

/**
 * Says that some bars are of days that are not whole.
 * @param {object[]} rows Rows with `days` and `days_expected`.
 * @returns {string} "" if all are whole.
 */
export function hatchingNote(rows) {
  const expected = rows.reduce((sum, row) => sum + (row.days_expected ?? 0), 0);
  const days = rows.reduce((sum, row) => sum + Math.min(row.days ?? 0, row.days_expected ?? 0), 0);
  if (days >= expected) return "";
  return translate("days.hatched", { days: formatNumber(days), expected: formatNumber(expected), count: expected });
}

/**
 * Returns the column of a table that says how many days are known.
 * @returns {object}
 */
export function daysColumn() {
  return {
    label: translate("column.days"),
    value: (row) => isKnown(row.days_expected)
      ? translate("days.short", { days: formatNumber(row.days ?? 0), expected: formatNumber(row.days_expected) })
      : formatNumber(row.days),
  };
}
