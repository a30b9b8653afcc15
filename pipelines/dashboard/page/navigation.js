// Going elsewhere from any part of the page; dashboard.js says how.

let navigate = () => {};

/**
 * Sets the function that shows another state of the page.
 * @param {(state: object) => void} handler The function.
 */
export function onNavigate(handler) {
  navigate = handler;
}

/**
 * Shows another state of the page.
 * @param {object} state What to show.
 */
export function goTo(state) {
  navigate(state);
}
