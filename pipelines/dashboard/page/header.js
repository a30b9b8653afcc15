// The controls at the top of the page: device, period, date, comparison, theme.

import { COMPARISONS, PERIODS } from "./address.js";
import { devicePicker } from "./device-picker.js";
import { element, icon } from "./dom.js";
import { THEMES, chooseTheme, chosenTheme } from "./theme.js";
import { translate } from "./translate.js";

const KEYS = { d: "day", w: "week", m: "month", y: "year", a: "all" };

/**
 * Builds the line with the product's name, the device and the theme.
 * @param {object} about What the account has.
 * @param {object} state What the page shows.
 * @param {(change: object) => void} change Shows something else.
 * @returns {HTMLElement}
 */
export function brandLine(about, state, change) {
  return element("div", { class: "brand-line" },
    brandMark(),
    about.is_empty || !about.sites.length ? element("span") : devicePicker(about, state.of, (of) => change({ of })),
    themeButton());
}

/**
 * Builds the product's name with its mark.
 * @returns {HTMLElement}
 */
export function brandMark() {
  return element("span", { class: "brand" }, element("span", { class: "brand-mark", "aria-hidden": "true" }), "givlake");
}

/**
 * Builds the line with period, date and comparison.
 * @param {object} context The page's context.
 * @param {(change: object) => void} change Shows something else.
 * @returns {HTMLElement}
 */
export function periodLine(context, change) {
  const { scope, state } = context;
  return element("div", { class: "period-line" },
    element("div", { class: "segments", role: "radiogroup", "aria-label": translate("period.label") },
      PERIODS.map((period) => periodButton(period, state.period, change))),
    element("div", { class: "date-line" },
      arrow("previous", scope.previous_date, change),
      dateField(scope, change),
      arrow("next", scope.next_date, change),
      element("button", {
        type: "button", class: "today", text: translate("period.today"),
        disabled: scope.start <= scope.today && scope.today <= scope.end && scope.period !== "all",
        on: { click: () => change({ date: scope.today, period: scope.period === "all" ? "day" : scope.period }) },
      })),
    compareField(scope, state, change));
}

/**
 * Shows something else by keys, unless the reader writes into a field.
 * @param {() => ?object} currentContext Returns the page's context.
 * @param {(change: object) => void} change Shows something else.
 */
export function listenToKeys(currentContext, change) {
  document.addEventListener("keydown", (event) => {
    const context = currentContext();
    if (!context || event.ctrlKey || event.metaKey || event.altKey || usesKeys(event.target)) return;
    if (KEYS[event.key]) change({ period: KEYS[event.key] });
    else if (event.key === "ArrowLeft" && context.scope.previous_date) change({ date: context.scope.previous_date });
    else if (event.key === "ArrowRight" && context.scope.next_date) change({ date: context.scope.next_date });
  });
}

function usesKeys(target) {
  return target.closest?.("input, select, textarea, .table-box, pre, [role=radiogroup]") !== null;
}

function periodButton(period, chosen, change) {
  const isChosen = period === chosen;
  return element("button", {
    type: "button", role: "radio", "aria-checked": String(isChosen), tabindex: isChosen ? "0" : "-1", "data-period": period,
    text: translate(`period.${period}`),
    on: {
      click: () => change({ period }),
      keydown: (event) => moveAmongPeriods(event, period, change),
    },
  });
}

function moveAmongPeriods(event, period, change) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = PERIODS[(PERIODS.indexOf(period) + step + PERIODS.length) % PERIODS.length];
  change({ period: next }, { focus: `[data-period="${next}"]` });
}

function arrow(direction, date, change) {
  return element("button", {
    type: "button", class: "arrow", "data-arrow": direction, "aria-label": translate(`period.${direction}`), title: translate(`period.${direction}`),
    disabled: !date, on: { click: () => change({ date }, { focus: `[data-arrow="${direction}"]` }) },
  }, icon(direction));
}

function dateField(scope, change) {
  const field = element("input", {
    type: "date", class: "date", "aria-label": translate("period.date"), max: scope.today, disabled: scope.period === "all",
    on: { change: () => field.value && field.value !== scope.date && change({ date: field.value }) },
  });
  field.value = scope.date ?? "";
  return field;
}

function compareField(scope, state, change) {
  const select = element("select", {
    id: "compare", disabled: scope.period === "all", on: { change: () => change({ compare: select.value }, { focus: "#compare" }) },
  }, COMPARISONS.map((name) => element("option", { value: name, selected: name === (state.compare ?? "none"), text: translate(`compare.${name}`) })));
  return element("label", { class: "compare" }, element("span", { text: translate("compare.label") }), select);
}

function themeButton() {
  const button = element("button", { type: "button", class: "theme" }, icon("theme"), element("span"));
  const name = () => {
    const theme = chosenTheme();
    button.lastChild.textContent = translate(`theme.${theme}`);
    button.setAttribute("aria-label", translate("theme.label", { theme: translate(`theme.${theme}`) }));
  };
  button.addEventListener("click", () => {
    chooseTheme(THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length]);
    name();
  });
  name();
  return button;
}
