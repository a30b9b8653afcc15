// A part that is built when the reader opens it.

import { element } from "./dom.js";

/**
 * Builds a part that can be opened.
 * @param {string} label Its label.
 * @param {() => Node} build Builds its content.
 * @returns {{root: HTMLDetailsElement, refresh: () => void}} `refresh` builds the content again if
 *   it is open.
 */
export function disclosure(label, build) {
  const content = element("div", { class: "disclosure-content" });
  const root = element("details", {}, element("summary", { text: label }), content);
  const refresh = () => content.replaceChildren(...(root.open ? [build()] : []));
  root.addEventListener("toggle", refresh);
  return { root, refresh };
}
