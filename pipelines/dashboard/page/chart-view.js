// Draws options with ECharts and keeps each chart as wide as its card.

import { FONT_FAMILY, colours } from "./theme.js";

const charts = new WeakMap();

/**
 * Draws a chart, or replaces what it shows.
 * @param {HTMLElement} container Element of the chart; its height is set by the style sheet.
 * @param {object} option Option of ECharts.
 * @param {object} settings `renderer` ("svg" or "canvas") and `onClick`, which is called with the index
 *   of the category whose column was clicked, bar or not.
 */
export function drawChart(container, option, { renderer = "svg", onClick = null } = {}) {
  let chart = charts.get(container);
  if (!chart) {
    chart = window.echarts.init(container, null, { renderer });
    charts.set(container, chart);
    new ResizeObserver(() => chart.resize()).observe(container);
  }
  if (chart.getWidth() !== container.clientWidth || chart.getHeight() !== container.clientHeight) chart.resize();
  chart.setOption({ ...baseOption(), ...option }, { notMerge: true });
  if (onClick) followClicks(chart, onClick);
}

/**
 * Removes a chart.
 * @param {HTMLElement} container Element of the chart.
 */
export function removeChart(container) {
  charts.get(container)?.dispose();
  charts.delete(container);
}

function followClicks(chart, onClick) {
  const surface = chart.getZr();
  const isInside = ({ offsetX, offsetY }) => chart.containPixel("grid", [offsetX, offsetY]);
  surface.off("click");
  surface.off("mousemove", chart.pointAtBars);
  chart.pointAtBars = (event) => isInside(event) && surface.setCursorStyle("pointer");
  surface.on("mousemove", chart.pointAtBars);
  surface.on("click", (event) => {
    if (isInside(event)) onClick(chart.convertFromPixel({ gridIndex: 0 }, [event.offsetX, event.offsetY])[0]);
  });
}

function baseOption() {
  const palette = colours();
  return {
    animation: false,
    // Only items that name a pattern have one.
    aria: { enabled: true, label: { enabled: false }, decal: { show: true, decals: { symbol: "none" } } },
    textStyle: { fontFamily: FONT_FAMILY, fontSize: 12, color: palette.muted },
  };
}
