// What all parts of the page are given: account, scope, answers, names.

import { formatDate, formatDateRange } from "./format.js";
import { deviceOptions } from "./device-picker.js";
import { translate } from "./translate.js";

/**
 * Builds the page's context.
 * @param {object} about What the account has.
 * @param {object} scope What the server shows.
 * @param {object} charts Answers by name of the chart.
 * @param {object} state What the page shows.
 * @param {boolean} isReport Whether the page is a file that fetches nothing.
 * @returns {object}
 */
export function contextOf(about, scope, charts, state, isReport) {
  const inverters = about.sites.flatMap((site) => site.inverters);
  const site = about.sites.find((candidate) => candidate.site === scope.device);
  const option = deviceOptions(about).find(({ of }) => of === scope.of);
  return {
    about, scope, charts, isReport,
    // Without a date the page follows the newest day; what is asked for further is of the day that is shown.
    state: { ...state, of: scope.of, period: scope.period, date: state.date && scope.date, compare: state.compare ?? "none" },
    asked: { ...state, of: scope.of, period: scope.period, date: scope.date },
    title: periodTitle(scope, about),
    deviceName: option?.label ?? scope.device,
    deviceCount: scope.kind === "site" ? site?.inverters.length ?? 1 : 1,
    inverterNames: new Map(inverters.map((inverter) => [inverter.serial, inverter.name])),
    otherCharts: null, otherScope: null, otherTitle: "",
  };
}

/**
 * Adds the answers of the period that the shown one is compared with.
 * @param {object} context The page's context.
 * @param {object} scope The other period.
 * @param {object} charts Its answers.
 */
export function addComparison(context, scope, charts) {
  context.otherScope = scope;
  context.otherCharts = charts;
  context.otherTitle = periodTitle(scope, context.about);
}

/**
 * Returns a date in the period that the shown one is compared with.
 * @param {object} context The page's context.
 * @returns {?string} Null without a comparison.
 */
export function comparedDate({ scope, state }) {
  return { before: scope.before_start, year: scope.year_start }[state.compare] ?? null;
}

function periodTitle(scope, about) {
  switch (scope.period) {
    case "day": return formatDate(scope.date ?? scope.start, "full");
    case "week": return formatDateRange(scope.start, weekEnd(scope.start));
    case "month": return formatDate(scope.start, "month");
    case "year": return formatDate(scope.start, "year");
    default: {
      const site = about.sites.find((candidate) => candidate.site === scope.device);
      const first = scope.start ?? site?.first_date;
      return first ? translate("period.all_from", { range: formatDateRange(first, scope.end, "month") }) : translate("period.all");
    }
  }
}

function weekEnd(start) {
  return new Date(Date.parse(`${start}T00:00:00Z`) + 6 * 86_400_000).toISOString().slice(0, 10);
}
