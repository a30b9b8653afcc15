// Legends in HTML, which wrap and are read aloud, unlike those in a chart.

import { element } from "./dom.js";

/**
 * Builds a legend.
 * @param {Array<{label: string, colour: string, shape?: string}>} items Items: the name of a colour
 *   and the shape of its mark: `area`, `line`, `dashed`, `mark`, `hatched` or `light`.
 * @returns {HTMLElement}
 */
export function legendOf(items) {
  return element("ul", { class: "legend" }, items.map(({ label, colour, shape = "area" }) =>
    element("li", {}, element("span", { class: `swatch is-${colour} is-${shape}` }), label)));
}
