// Rows of a chart, from its columns.

const rowsByChart = new WeakMap();

/**
 * Returns the rows of a chart as objects.
 * @param {{columns?: Object<string, Array>}|undefined} chart Answer of the server.
 * @returns {object[]} Empty if the chart failed or has none.
 */
export function rowsOf(chart) {
  if (!chart?.columns) return [];
  if (!rowsByChart.has(chart)) {
    const names = Object.keys(chart.columns);
    const count = names.length ? chart.columns[names[0]].length : 0;
    rowsByChart.set(chart, Array.from({ length: count }, (_, index) =>
      Object.fromEntries(names.map((name) => [name, chart.columns[name][index]]))));
  }
  return rowsByChart.get(chart);
}

/**
 * Adds up values that are known.
 * @param {Array<number|null|undefined>} values Values.
 * @returns {number|null} Null if none is known.
 */
export function sumOf(values) {
  const known = values.filter(isKnown);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}

/**
 * Says whether a value is known.
 * @param {*} value A value of a row.
 * @returns {boolean}
 */
export function isKnown(value) {
  return value !== null && value !== undefined;
}

/**
 * Says whether any row has a value in a column.
 * @param {object[]} rows Rows.
 * @param {string} name Column.
 * @returns {boolean}
 */
export function hasValues(rows, name) {
  return rows.some((row) => isKnown(row[name]));
}

/**
 * Returns the distinct values of a column in the order of their first row.
 * @param {object[]} rows Rows.
 * @param {string} name Column.
 * @returns {Array}
 */
export function distinct(rows, name) {
  return [...new Set(rows.map((row) => row[name]))];
}

/**
 * Returns the money column of a row, whose name ends in the currency.
 * @param {object} row A row.
 * @param {string} name Name without the currency, such as `net_cost`.
 * @param {object} context The page's context.
 * @returns {number|null|undefined}
 */
export function moneyOf(row, name, context) {
  return row[moneyColumn(name, context)];
}

/**
 * Returns the name of a money column.
 * @param {string} name Name without the currency.
 * @param {object} context The page's context.
 * @returns {string}
 */
export function moneyColumn(name, context) {
  return `${name}_${(context.scope.currency ?? "").toLowerCase()}`;
}
