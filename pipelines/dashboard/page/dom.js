// Builds elements from text and other elements. Text never becomes markup.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * Creates an element.
 * @param {string} tag Name of the element.
 * @param {object} [properties] `class`, `text`, `on` (listeners by event) and attributes; those
 *   that are null, undefined or false are left out.
 * @param {...(Node|string|null|undefined|false)} children Children; empty ones are left out.
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  const { text, on, ...attributes } = properties;
  setAttributes(node, attributes);
  if (text !== undefined && text !== null) node.textContent = text;
  for (const [event, listener] of Object.entries(on ?? {})) node.addEventListener(event, listener);
  node.append(...children.flat().filter((child) => child || child === 0));
  return node;
}

/**
 * Creates an icon from the path data of `ICON_PATHS`.
 * @param {string} name Name of the icon.
 * @returns {SVGElement} An image that screen readers skip.
 */
export function icon(name) {
  const svg = document.createElementNS(SVG_NAMESPACE, "svg");
  setAttributes(svg, { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" });
  const path = document.createElementNS(SVG_NAMESPACE, "path");
  path.setAttribute("d", ICON_PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * Shows or hides an element.
 * @param {HTMLElement} node The element.
 * @param {boolean} isShown Whether to show it.
 */
export function show(node, isShown) {
  node.hidden = !isShown;
}

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : value);
  }
}

// Lines of 1.75 px on a grid of 24 px.
const ICON_PATHS = {
  solar: "M12 4V2m0 20v-2m8-8h2M2 12h2m13.66-5.66 1.4-1.4M4.94 19.06l1.4-1.4m11.32 0 1.4 1.4M4.94 4.94l1.4 1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z",
  home: "M3.5 11 12 4l8.5 7M6 9.5V20h12V9.5M10 20v-5.5h4V20",
  import: "M12 3v11m0 0 4.5-4.5M12 14 7.5 9.5M4 17v3.5h16V17",
  export: "M12 14V3m0 0 4.5 4.5M12 3 7.5 7.5M4 17v3.5h16V17",
  battery: "M3 8h15.5v9H3zM21.5 11v3M6.5 11.5v2m4-2v2",
  self: "M20 4C9 4 4 8.5 4 14.5c0 1.5.4 2.7 1 3.7C6 12.5 10 9.5 15 8.5c-5 2.5-8.5 6.5-10 12m.2-2.2c1.2 1 2.800 1.600 4.800 1.600C17 19.900 20 14 20 4Z",
  cost: "M16.5 7.5C15.900 5.600 14.5 4.5 12.600 4.5c-2.300 0-3.900 1.600-3.900 3.900 0 3.400 1.800 4.600.6 8.600-.3 1-1 1.900-1.800 2.5h10M6.5 12.5h7",
  complete: "M4 6.5h16V20H4zM4 10.5h16M8.5 4v4m7-4v4M8.800 15.2l2.2 2.100 4.2-4.100",
  car: "M4 17v-4.5L6.2 7.5h11.600L20 12.5V17M4 12.5h16M4 17h16m-13 0v2.5M17 17v2.5M7 14.800h1.5m7 0H17",
  previous: "M14.5 5.5 8 12l6.5 6.5",
  next: "M9.5 5.5 16 12l-6.5 6.5",
  theme: "M12 3.5a8.5 8.5 0 1 0 0 17Zm0 0a8.5 8.5 0 0 1 0 17",
  download: "M12 4v10.5m0 0 4-4m-4 4-4-4M5 19.5h14",
  warning: "M12 4 2.800 20h18.400ZM12 10v4.5m0 2.5v.3",
};
