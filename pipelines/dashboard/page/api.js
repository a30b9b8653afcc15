// Requests to the dashboard's server.

import { queryOf } from "./address.js";

/** The server answered with a sentence that says what is wrong with the request. */
export class RequestRefused extends Error {
  /** @returns {?string} The part of the address that it is about: the sentence begins with it. */
  get part() {
    return /^(\w+)=/.exec(this.message)?.[1] ?? null;
  }
}

/** The server did not answer. */
export class ServerUnreachable extends Error {}

/**
 * Fetches what the account has: sites, devices, tariffs, versions.
 * @param {AbortSignal} [signal] Ends the request.
 * @returns {Promise<object>}
 */
export function fetchAbout(signal) {
  return fetchJson("/api/about", signal);
}

/**
 * Fetches several charts.
 * @param {string[]} names Names of the charts.
 * @param {object} state What the page shows.
 * @param {AbortSignal} [signal] Ends the request.
 * @returns {Promise<{scope: object, charts: object}>}
 */
export function fetchCharts(names, state, signal) {
  const query = queryOf({ ...state, compare: "none" });
  return fetchJson(`/api/charts?names=${names.join(",")}${query ? `&${query}` : ""}`, signal);
}

/**
 * Fetches the newest readings and the version of the data.
 * @param {string} of The device.
 * @returns {Promise<{data_version: string, ingestion: object, now: object}>}
 */
export function fetchNow(of) {
  return fetchJson(`/api/now?${queryOf({ of })}`);
}

/**
 * Returns the address of a file with exactly the rows of a chart.
 * @param {string} name Name of the chart.
 * @param {object} state What the page shows.
 * @param {"csv"|"parquet"} format Format of the file.
 * @returns {string}
 */
export function downloadAddress(name, state, format) {
  return `/api/charts/${name}?${queryOf({ ...state, compare: "none" })}&format=${format}`;
}

async function fetchJson(address, signal) {
  let response;
  try {
    response = await fetch(address, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerUnreachable(String(error));
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new RequestRefused(answer.error ?? `HTTP ${response.status}`);
  return answer;
}
