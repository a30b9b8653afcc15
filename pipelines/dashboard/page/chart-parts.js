// Parts that several charts share: axes, tooltips, hatching.

import { element } from "./dom.js";
import { formatNumber } from "./format.js";
import { FONT_FAMILY, colours } from "./theme.js";

/** Below this width, px, a chart has fewer labels. */
export const NARROW_PX = 520;

/**
 * Says whether charts have little room.
 * @returns {boolean}
 */
export function isNarrow() {
  return document.documentElement.clientWidth < NARROW_PX + 80;
}

/**
 * Returns an axis of values.
 * @param {string} name Unit, written above the axis.
 * @param {object} [options] Options that replace the usual ones.
 * @returns {object}
 */
export function valueAxis(name, options = {}) {
  const palette = colours();
  return {
    type: "value", name, nameGap: 10, splitNumber: 4,
    nameTextStyle: { color: palette.muted, align: "right", padding: [0, 6, 0, 0] },
    axisLine: { show: false }, axisTick: { show: false },
    axisLabel: { color: palette.muted, formatter: axisNumber, hideOverlap: true },
    splitLine: { lineStyle: { color: palette.line } },
    ...options,
  };
}

/**
 * Returns an axis of categories.
 * @param {Array<string>} data The categories.
 * @param {(category: string) => string} format Writes the label of a category.
 * @param {object} [options] Options that replace the usual ones.
 * @returns {object}
 */
export function categoryAxis(data, format, options = {}) {
  const palette = colours();
  return {
    type: "category", data,
    axisLine: { lineStyle: { color: palette.muted } }, axisTick: { show: false },
    axisLabel: { color: palette.muted, formatter: format, hideOverlap: true, margin: 10 },
    ...options,
  };
}

/**
 * Returns an axis of the half hours of a day, with labels at every third hour of the clock.
 * @param {object[]} rows Rows with `start_local`.
 * @param {object} [options] Options that replace the usual ones.
 * @returns {object}
 */
export function halfHourAxis(rows, options = {}) {
  const hours = isNarrow() ? 6 : 3;
  const isTick = ({ start_local: start }, index) => start.endsWith(":00") && Number(start.slice(0, 2)) % hours === 0
    && !rows.slice(Math.max(0, index - 2), index).some((row) => row.start_local === start);
  return categoryAxis(rows.map((_, index) => String(index)), null, {
    axisLabel: {
      color: colours().muted, margin: 10, formatter: (index) => rows[index]?.start_local ?? "", interval: (index) => isTick(rows[index], index),
    },
    ...options,
  });
}

/**
 * Writes a number on an axis with as many decimals as it needs, at most two.
 * @param {number} value The number.
 * @returns {string}
 */
export function axisNumber(value) {
  const decimals = [0, 1].find((count) => Math.abs(value * 10 ** count - Math.round(value * 10 ** count)) < 1e-6);
  return formatNumber(value, decimals ?? 2);
}

/**
 * Returns a tooltip whose content is made of elements, never of markup.
 * @param {(parameters: object|object[]) => ?{title: string, lines: Array, note?: string}} content
 *   Says what the tooltip shows; each line has `label`, `value` and the name of a `colour`.
 * @param {object} [options] Further options of the tooltip.
 * @returns {object}
 */
export function tooltip(content, options = {}) {
  const palette = colours();
  return {
    trigger: "axis", confine: true, className: "chart-tooltip", transitionDuration: 0,
    backgroundColor: palette.card, borderColor: palette.line, padding: 0,
    axisPointer: { type: "line", lineStyle: { color: palette.muted, type: "solid", width: 1 } },
    formatter: (parameters) => tooltipElement(content(parameters)),
    ...options,
  };
}

/**
 * Returns the hatching of a bar whose figures are not whole.
 * @returns {object} A pattern of ECharts.
 */
export function hatching() {
  return {
    symbol: "rect", symbolSize: 1, rotation: Math.PI / 4, color: colours().card,
    dashArrayX: [1, 0], dashArrayY: [1.5, 4.5],
  };
}

/**
 * Returns the width that labels need, so that none is cut.
 * @param {string[]} labels The labels.
 * @param {number} most The most that they get, px.
 * @returns {number}
 */
export function labelWidth(labels, most) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `12px ${FONT_FAMILY}`;
  return Math.min(most, Math.ceil(Math.max(0, ...labels.map((label) => pen.measureText(label).width))));
}

/**
 * Returns the room around a chart.
 * @param {object} [options] Options that replace the usual ones.
 * @returns {object}
 */
export function gridOf(options = {}) {
  return { left: 48, right: 12, top: 28, bottom: 28, ...options };
}

function tooltipElement(content) {
  if (!content) return null;
  return element("div", { class: "tooltip" },
    element("div", { class: "tooltip-title", text: content.title }),
    element("dl", { class: "tooltip-lines" }, content.lines.flatMap(({ label, value, colour }) => [
      element("dt", {}, colour && element("span", { class: `swatch is-${colour}` }), label),
      element("dd", { text: value }),
    ])),
    content.note && element("div", { class: "tooltip-note", text: content.note }));
}
