// Light and dark, and the colours of styles.css for the charts.

const STORAGE_KEY = "givlake-theme";

/** Choices of the theme button in their order. */
export const THEMES = ["auto", "light", "dark"];

/** The font of page and charts. ECharts measures text by it, so that it must be named. */
export const FONT_FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif';

const themeListeners = [];
let isPrinting = false;

/**
 * Returns the chosen theme.
 * @returns {"auto"|"light"|"dark"}
 */
export function chosenTheme() {
  let stored = null;
  try {
    stored = window.localStorage.getItem(STORAGE_KEY);
  } catch {
    // Storage can be forbidden, as in a file that was opened from a mail.
  }
  return THEMES.includes(stored) ? stored : "auto";
}

/**
 * Applies a theme and keeps it for the next visit.
 * @param {"auto"|"light"|"dark"} theme The theme.
 */
export function chooseTheme(theme) {
  try {
    window.localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // It then holds for this visit.
  }
  applyTheme(theme);
}

/**
 * Sets the theme on the page and tells the charts.
 * @param {"auto"|"light"|"dark"} theme The theme.
 */
export function applyTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const listener of themeListeners) listener();
}

/**
 * Calls a function when the colours change: by the button, by the system, for printing.
 * @param {() => void} listener The function.
 */
export function onThemeChange(listener) {
  themeListeners.push(listener);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
  window.addEventListener("beforeprint", () => setPrinting(true, listener));
  window.addEventListener("afterprint", () => setPrinting(false, listener));
}

/**
 * Reads the colours that are in force.
 * @returns {Object<string, string>} Colours by name of the custom property, without its dashes.
 */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLOUR_NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/**
 * Makes a colour of "#rrggbb" translucent.
 * @param {string} colour The colour.
 * @param {number} opacity Opacity, 0 to 1.
 * @returns {string}
 */
export function faded(colour, opacity) {
  const parts = [1, 3, 5].map((index) => parseInt(colour.slice(index, index + 2), 16));
  return `rgba(${parts.join(", ")}, ${opacity})`;
}

function setPrinting(isBeginning, listener) {
  isPrinting = isBeginning;
  document.documentElement.classList.toggle("is-printing", isPrinting);
  listener();
}

const COLOUR_NAMES = [
  "solar", "home", "battery", "import", "export", "car", "neutral",
  "text", "muted", "line", "card", "page", "heat-low", "accent",
];
