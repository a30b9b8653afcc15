// A row of buttons in a figure, one of which is chosen.

import { element } from "./dom.js";

/**
 * Builds the buttons of a choice.
 * @param {string} label What is chosen.
 * @param {Array<{value: string, label: string}>} options The choices.
 * @param {import("./figure.js").Figure} figure The figure, whose `choices.shown` it is.
 * @returns {HTMLElement}
 */
export function choiceOf(label, options, figure) {
  if (!options.some(({ value }) => value === figure.choices.shown)) figure.choices.shown = options[0]?.value;
  return element("div", { class: "segments is-small", role: "group", "aria-label": label }, options.map((option) => element("button", {
    type: "button", "aria-pressed": String(option.value === figure.choices.shown), "data-choice": option.value, text: option.label,
    on: { click: () => choose(figure, option.value) },
  })));
}

function choose(figure, value) {
  figure.choices.shown = value;
  figure.redraw();
  figure.controls.querySelector(`[data-choice="${value}"]`)?.focus();
}
