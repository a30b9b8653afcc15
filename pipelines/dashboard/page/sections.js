// The sections of the page in their order, and which charts each period needs.

import { batteryDayFigure, batteryFigure, capacityFigure, pvHealthFigure, roundTripFigure } from "./battery-figures.js";
import { calendarFigure } from "./calendar-figure.js";
import { carFigure, carSessionsFigure } from "./car-figures.js";
import { costFigure, dayCostFigure, whatIfFigure } from "./cost-figures.js";
import { energyFigure, halfHoursFigure } from "./energy-figure.js";
import { eventsFigure } from "./events-figure.js";
import { flowsFigure } from "./flows-figure.js";
import { heatMapFigure, typicalDayFigure } from "./pattern-figures.js";
import { paybackFigure } from "./payback-figure.js";
import { powerFigure } from "./power-figure.js";
import { deviationsFigure, gapsFigure, missingFigure } from "./quality-figures.js";
import { recordsFigure } from "./records-figure.js";

/** Sections with their figures; the messages `section.ID` are their headings. */
export const SECTIONS = [
  { id: "energy", figures: [powerFigure, energyFigure, halfHoursFigure] },
  { id: "flows", figures: [flowsFigure] },
  { id: "cost", figures: [costFigure, dayCostFigure, whatIfFigure, paybackFigure] },
  { id: "battery", figures: [batteryFigure, batteryDayFigure, capacityFigure, roundTripFigure, pvHealthFigure] },
  { id: "car", figures: [carFigure, carSessionsFigure] },
  { id: "patterns", figures: [heatMapFigure, typicalDayFigure] },
  { id: "complete", figures: [calendarFigure, missingFigure, gapsFigure, deviationsFigure] },
  { id: "events", figures: [eventsFigure] },
  { id: "records", figures: [recordsFigure] },
];

/**
 * Returns the charts that stand at the top of the page.
 * @param {string} period The period.
 * @returns {string[]}
 */
export function firstCharts(period) {
  return ["totals", mainChart(period)];
}

/**
 * Returns the chart of the main picture.
 * @param {string} period The period.
 * @returns {string}
 */
export function mainChart(period) {
  return period === "day" ? "power" : "energy";
}

/**
 * Returns the charts below the main picture.
 * @param {string} period The period.
 * @param {object} about What the account has.
 * @param {object} state What the page shows.
 * @returns {string[]}
 */
export function furtherCharts(period, about, state) {
  const first = firstCharts(period);
  const names = SECTIONS.flatMap(({ figures }) => figures)
    .filter(({ periods }) => !periods || periods.includes(period))
    .map(({ chart }) => chart)
    .filter((name) => !first.includes(name))
    .filter((name) => about.has_tariff || !TARIFF_CHARTS.includes(name))
    .filter((name) => about.tariffs?.length || name !== "what_if")
    .filter((name) => about.chargers?.length || !CAR_CHARTS.includes(name))
    .filter((name) => name !== "payback" || state.capital);
  return [...new Set(names)];
}

const TARIFF_CHARTS = ["cost", "cost_half_hours", "payback"];
const CAR_CHARTS = ["car", "car_sessions"];
