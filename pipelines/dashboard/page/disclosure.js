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
  const refresh = () => {
    const place = content.querySelector(".table-box");
    const { scrollTop = 0, scrollLeft = 0 } = place ?? {};
    content.replaceChildren(...(root.open ? [build()] : []));
    content.querySelector(".table-box")?.scrollTo({ top: scrollTop, left: scrollLeft });
  };
  root.addEventListener("toggle", refresh);
  return { root, refresh };
}
