// Several inverters in one chart: one colour, told apart by the line's pattern and by its mark.

const LINE_TYPES = ["solid", [7, 3], [2, 2], [10, 3, 2, 3]];
const SYMBOLS = ["circle", "rect", "triangle", "diamond"];

/** More lines than this are not told apart: the chart shows the first and the table all. */
export const MOST_LINES = 8;

/**
 * Returns the pattern of a line.
 * @param {number} index Index of the inverter.
 * @returns {string|number[]}
 */
export function lineType(index) {
  return LINE_TYPES[index % LINE_TYPES.length];
}

/**
 * Returns the mark of a line's points.
 * @param {number} index Index of the inverter.
 * @returns {string}
 */
export function lineSymbol(index) {
  return SYMBOLS[index % SYMBOLS.length];
}

/**
 * Returns the name of an inverter, or its serial number.
 * @param {string} serial Serial number.
 * @param {object} context The page's context.
 * @returns {string}
 */
export function inverterName(serial, context) {
  return context.inverterNames.get(serial) || serial;
}
