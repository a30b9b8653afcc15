// When the savings have repaid what the installation cost.

import { element } from "./dom.js";
import { formatMoney, formatNumber, formatPercent } from "./format.js";
import { goTo } from "./navigation.js";
import { isKnown, moneyOf } from "./rows.js";
import { translate } from "./translate.js";

/** @type {import("./figure.js").FigureDeclaration} */
export const paybackFigure = {
  id: "payback", chart: "payback", periods: ["month", "year", "all"], size: "half",
  isShown: (rows, context) => context.about.has_tariff && (rows.length > 0 || !context.isReport),
  sentence: () => translate("payback.sentence"),
  body: bodyOf,
  columns: (context) => [
    { label: translate("column.cost"), isHeader: true, value: (row) => formatMoney(moneyOf(row, "capital_cost", context), context.scope.currency) },
    { label: translate("cost.saved"), value: (row) => formatMoney(moneyOf(row, "saved", context), context.scope.currency) },
    { label: translate("payback.per_year"), value: (row) => formatMoney(moneyOf(row, "saved_per_year", context), context.scope.currency) },
    { label: translate("payback.years"), value: (row) => formatNumber(row.payback_years, 1) },
    { label: translate("payback.repaid"), value: (row) => formatPercent(row.repaid_share) },
    { label: translate("column.days"), value: (row) => formatNumber(row.days) },
  ],
};

function bodyOf(rows, context, figure) {
  // A form alone is not printed.
  figure.root.classList.toggle("is-form", !rows.length);
  return [
    !context.isReport && capitalForm(context),
    ...rows.map((row) => resultOf(row, context)),
    !rows.length && context.state.capital ? element("p", { class: "note", text: translate("payback.none") }) : null,
  ].filter(Boolean);
}

function capitalForm(context) {
  const field = element("input", {
    type: "number", id: "capital", min: "1", step: "1", inputmode: "numeric", value: context.state.capital ?? "",
  });
  return element("form", {
    class: "capital", on: {
      submit: (event) => {
        event.preventDefault();
        goTo({ ...context.state, capital: field.value || undefined });
      },
    },
  },
  element("label", { for: "capital", text: translate("payback.capital", { currency: context.scope.currency }) }),
  field,
  element("button", { type: "submit", text: translate("payback.apply") }));
}

function resultOf(row, context) {
  const { currency } = context.scope;
  const years = formatNumber(row.payback_years, 1);
  const days = formatNumber(row.days);
  return element("div", { class: "payback" },
    element("p", { class: "tile-value", text: isKnown(row.payback_years) ? translate("payback.in_years", { years, count: row.payback_years }) : translate("payback.too_early") }),
    element("progress", { max: "1", value: String(Math.max(0, Math.min(1, row.repaid_share ?? 0))), "aria-label": translate("payback.repaid") }),
    element("p", {
      class: "note",
      text: translate("payback.note", {
        saved: formatMoney(moneyOf(row, "saved", context), currency), percent: formatPercent(row.repaid_share), days, count: row.days,
      }),
    }));
}
