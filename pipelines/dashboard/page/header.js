// The controls at the top of the page: device, period, date, comparison, theme.

import { COMPARISONS, PERIODS } from "./address.js";
import { element, icon } from "./dom.js";
import { THEMES, chooseTheme, chosenTheme } from "./theme.js";
import { translate } from "./translate.js";

const KEYS = { d: "day", w: "week", m: "month", y: "year", a: "all" };
/** A date that is typed is a date before all of it is typed. */
const TYPING_MS = 1000;

/**
 * Builds the product's name with its mark.
 * @returns {HTMLElement}
 */
export function brandMark() {
  return element("span", { class: "brand" }, element("span", { class: "brand-mark", "aria-hidden": "true" }), "givlake");
}

/** The line with period, date and comparison. Its elements stay, so that none loses the focus. */
export class PeriodLine {
  /** @param {(change: object) => void} change Shows something else. */
  constructor(change) {
    this.change = change;
    this.scope = {};
    this.periods = PERIODS.map((period) => this.#periodButton(period));
    this.arrows = ["previous", "next"].map((direction) => this.#arrow(direction));
    this.date = new DateField((date) => change({ date }));
    this.today = element("button", { type: "button", class: "today", text: translate("period.today"), on: { click: () => this.#goToday() } });
    this.compare = element("select", { id: "compare", on: { change: () => change({ compare: this.compare.value }) } },
      COMPARISONS.map((name) => element("option", { value: name, text: translate(`compare.${name}`) })));
    this.root = element("div", { class: "period-line" },
      element("div", { class: "segments", role: "radiogroup", "aria-label": translate("period.label") }, this.periods),
      element("div", { class: "date-line" }, this.arrows[0], this.date.field, this.arrows[1], this.today),
      element("label", { class: "compare" }, element("span", { text: translate("compare.label") }), this.compare));
  }

  /**
   * Shows a period.
   * @param {object} scope What the server shows.
   * @param {object} state What the page shows.
   */
  update(scope, state) {
    const focused = document.activeElement;
    this.scope = scope;
    const chosen = PERIODS.includes(state.period) ? state.period : PERIODS[0];
    for (const button of this.periods) {
      button.setAttribute("aria-checked", String(button.dataset.period === state.period));
      button.tabIndex = button.dataset.period === chosen ? 0 : -1;
    }
    for (const arrow of this.arrows) arrow.disabled = !scope[`${arrow.dataset.arrow}_date`];
    this.date.update(scope);
    this.today.disabled = scope.start <= scope.today && scope.today <= scope.end && scope.period !== "all";
    this.compare.disabled = scope.period === "all";
    this.compare.value = COMPARISONS.includes(state.compare) ? state.compare : "none";
    if (focused?.disabled && this.root.contains(focused)) this.#focusNear(focused);
  }

  // What is disabled has no focus, and the next Tab would begin at the top of the page.
  #focusNear(control) {
    const near = this.arrows.includes(control) ? this.arrows : [];
    [...near, this.date.field, this.periods.find((button) => button.tabIndex === 0)].find(({ disabled }) => !disabled)?.focus();
  }

  // The newest day stays the newest, also if the page is open overnight.
  #goToday() {
    const { scope } = this;
    this.change({ date: scope.last_date === scope.today ? undefined : scope.today, period: scope.period === "all" ? "day" : scope.period });
  }

  #periodButton(period) {
    return element("button", {
      type: "button", role: "radio", "data-period": period, text: translate(`period.${period}`),
      on: { click: () => this.change({ period }), keydown: (event) => this.#moveAmongPeriods(event, period) },
    });
  }

  #moveAmongPeriods(event, period) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (PERIODS.indexOf(period) + step + PERIODS.length) % PERIODS.length;
    this.periods[next].focus();
    this.change({ period: PERIODS[next] });
  }

  #arrow(direction) {
    const name = translate(`period.${direction}`);
    return element("button", {
      type: "button", class: "arrow", "data-arrow": direction, "aria-label": name, title: name,
      on: { click: () => this.change({ date: this.scope[`${direction}_date`] }) },
    }, icon(direction));
  }
}

/** The field of the date. Picking a day applies at once, typing one when it is over. */
class DateField {
  constructor(apply) {
    this.apply = apply;
    this.shown = "";
    this.timer = 0;
    this.isTyping = false;
    this.field = element("input", {
      type: "date", class: "date", "aria-label": translate("period.date"),
      on: {
        keydown: (event) => this.#onKey(event), pointerdown: () => { this.isTyping = false; },
        change: () => this.isTyping ? this.#applyLater() : this.#apply(), blur: () => this.#leave(),
      },
    });
  }

  update(scope) {
    this.shown = scope.date ?? "";
    this.field.max = scope.today ?? "";
    this.field.disabled = scope.period === "all";
    if (!this.isTyping && this.field.value !== this.shown) this.field.value = this.shown;
  }

  #onKey(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      this.#apply();
    } else if (event.key !== "Tab" && event.key !== "Shift") {
      this.isTyping = true;
      this.#applyLater();
    }
  }

  #applyLater() {
    window.clearTimeout(this.timer);
    // The year 0002 is one of 2025 on its way.
    this.timer = window.setTimeout(() => this.field.value >= "1990" && this.#apply(), TYPING_MS);
  }

  #apply() {
    window.clearTimeout(this.timer);
    this.isTyping = false;
    if (!this.field.value || this.field.value === this.shown) return;
    this.shown = this.field.value;
    this.apply(this.shown);
  }

  #leave() {
    if (this.isTyping) this.#apply();
    this.field.value = this.shown;
  }
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

/**
 * Builds the button that changes the colours.
 * @returns {HTMLElement}
 */
export function themeButton() {
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
