// What the page shows, kept in its address.

/** Periods in the order of the buttons. */
export const PERIODS = ["day", "week", "month", "year", "all"];

/** What the shown period can be compared with. */
export const COMPARISONS = ["none", "before", "year"];

const ADDRESS_PARTS = ["of", "period", "date", "compare", "capital"];

/**
 * Reads what to show from the page's address.
 * @returns {{of?: string, period?: string, date?: string, compare?: string, capital?: string}}
 */
export function readAddress() {
  const parameters = new URLSearchParams(window.location.search);
  return Object.fromEntries(ADDRESS_PARTS.filter((name) => parameters.get(name)).map((name) => [name, parameters.get(name)]));
}

/**
 * Returns the address of a state of the page.
 * @param {object} state What to show.
 * @returns {string}
 */
export function addressOf(state) {
  const query = queryOf(state);
  return query ? `?${query}` : window.location.pathname;
}

/**
 * Writes what is shown into the page's address.
 * @param {object} state What is shown.
 * @param {boolean} isNewEntry Whether the back button leads back to what was shown before.
 */
export function writeAddress(state, isNewEntry) {
  if (isNewEntry) window.history.pushState(null, "", addressOf(state));
  else window.history.replaceState(null, "", addressOf(state));
}

/**
 * Returns the query string of a state of the page.
 * @param {object} state What to show.
 * @returns {string}
 */
export function queryOf(state) {
  const pairs = ADDRESS_PARTS.filter((name) => state[name] && !(name === "compare" && state[name] === "none"));
  return new URLSearchParams(pairs.map((name) => [name, state[name]])).toString();
}
