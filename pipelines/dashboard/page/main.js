// Starts the page: reads its address, fetches, shows, and follows the data.

import { readAddress, writeAddress } from "./address.js";
import { RequestRefused, ServerUnreachable, fetchAbout, fetchCharts, fetchNow } from "./api.js";
import { addComparison, comparedDate, contextOf } from "./context.js";
import { listenToKeys } from "./header.js";
import { onNavigate } from "./navigation.js";
import { Page } from "./page.js";
import { firstCharts, furtherCharts, mainChart } from "./sections.js";
import { applyTheme, chosenTheme } from "./theme.js";
import { language, translate } from "./translate.js";

const POLL_MS = 30_000;

const app = { page: null, about: null, context: null, now: null, abort: null, early: null, isStale: false, state: readAddress() };

/**
 * Shows what the address says.
 * @param {object} options `isQuiet` leaves the page as it is until the new figures are there.
 */
async function load({ isQuiet = false } = {}) {
  app.abort?.abort();
  const abort = new AbortController();
  app.abort = abort;
  if (!isQuiet) app.page.wait(true);
  try {
    const period = app.state.period ?? "day";
    const early = app.early;
    app.early = null;
    const [about, first] = await (early ?? fetchTop(isQuiet, abort.signal));
    app.about = about;
    if (about.is_empty || !about.sites.length) {
      app.page.showEmpty(about);
      return;
    }
    if (first instanceof Error) throw first;
    app.isStale = false;
    const context = contextOf(about, first.scope, first.charts, app.state, false);
    context.isQuiet = isQuiet;
    if (isQuiet && app.context?.otherScope) addComparison(context, app.context.otherScope, app.context.otherCharts);
    app.context = context;
    app.state = context.state;
    writeAddress(context.state, false);
    app.page.showBanners(about, null);
    app.page.showTop(context);
    app.page.showNow(app.now, context);
    await app.page.showFigures(context, firstCharts(period));
    await loadFurther(context, abort.signal);
    app.page.wait(false);
    if (!isQuiet) await pollNow();
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error);
  } finally {
    if (app.abort === abort) app.page.wait(false);
  }
}

function fetchTop(isQuiet, signal) {
  return Promise.all([app.about && !isQuiet ? app.about : fetchAbout(signal), fetchFirst(signal)]);
}

// An empty folder has no charts: what the account has says so.
async function fetchFirst(signal) {
  try {
    return await fetchCharts(firstCharts(app.state.period ?? "day"), app.state, signal);
  } catch (error) {
    if (error instanceof RequestRefused) return error;
    throw error;
  }
}

async function loadFurther(context, signal) {
  const { period } = context.scope;
  const names = furtherCharts(period, context.about, context.state);
  const date = comparedDate(context);
  const [further, other] = await Promise.all([
    fetchCharts(names, context.state, signal),
    date ? fetchCharts([mainChart(period)], { ...context.state, date }, signal).catch(onlyAborts) : null,
  ]);
  Object.assign(context.charts, further.charts);
  // Its form is there before its figures are.
  if (context.about.has_tariff && !context.state.capital) context.charts.payback = { columns: {} };
  if (other) addComparison(context, other.scope, other.charts);
  const all = Object.keys(context.charts);
  app.page.hideOthers(all);
  await app.page.showFigures(context, other ? all : all.filter((name) => !firstCharts(period).includes(name)));
}

function onlyAborts(error) {
  if (error.name === "AbortError") throw error;
  return null;
}

function showProblem(error) {
  if (error instanceof ServerUnreachable) {
    app.isStale = true;
    app.page.showBanners(null, { text: translate("banner.no_server"), code: "givlake dashboard" });
  } else if (error instanceof RequestRefused) {
    app.page.showBanners(app.about, {
      text: error.message,
      action: { label: translate("banner.start_again"), run: () => visit({}, { isReplacing: true }) },
    });
  } else {
    console.warn("The page could not be shown.", error);
    app.page.showBanners(app.about, { text: translate("banner.failed", { reason: String(error.message ?? error) }) });
  }
}

function visit(state, { isReplacing = false } = {}) {
  app.state = isReplacing ? state : { ...app.state, ...state };
  writeAddress(app.state, true);
  load();
}

async function pollNow() {
  if (document.hidden) return;
  if (!app.context || app.isStale) {
    await load({ isQuiet: true });
    return;
  }
  try {
    const answer = await fetchNow(app.state);
    const isNewer = app.context.scope.data_version !== answer.data_version;
    const isOtherRun = app.about.ingestion?.is_running !== answer.ingestion?.is_running;
    app.now = { columns: answer.now.columns ?? answer.now };
    app.about = { ...app.about, ingestion: answer.ingestion };
    app.page.showBanners(app.about, null);
    app.page.showNow(app.now, app.context);
    if (isNewer || isOtherRun && !answer.ingestion?.is_running) await load({ isQuiet: true });
  } catch (error) {
    if (error instanceof ServerUnreachable) showProblem(error);
  }
}

function showReport() {
  const { about, scope, charts } = JSON.parse(document.getElementById("report-data").textContent);
  const context = contextOf(about, scope, charts, {}, true);
  app.context = context;
  app.page.showTop(context);
  app.page.hideOthers(Object.keys(charts));
  app.page.showFigures(context, Object.keys(charts), true);
}

function start() {
  document.documentElement.lang = language;
  document.body.classList.add("has-script");
  const skip = document.querySelector(".skip");
  if (skip) skip.textContent = translate("skip");
  app.page = new Page((change) => visit(change));
  if (document.body.classList.contains("is-report")) {
    showReport();
    return;
  }
  onNavigate((state) => visit(state));
  listenToKeys(() => app.context, (change) => visit(change));
  window.addEventListener("popstate", () => {
    app.state = readAddress();
    load();
  });
  document.addEventListener("click", followLink);
  document.addEventListener("visibilitychange", pollNow);
  window.setInterval(pollNow, POLL_MS);
  load();
}

// Links to other periods are real addresses, so that they open in a new tab too.
function followLink(event) {
  const link = event.target.closest?.("a[data-go]");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  window.history.pushState(null, "", link.getAttribute("href"));
  app.state = readAddress();
  load();
  window.scrollTo({ top: 0 });
}

applyTheme(chosenTheme());
// The first requests go out while the page and ECharts are still being read. A report has its script
// in itself and fetches nothing.
if (document.currentScript?.src) {
  app.early = fetchTop(false);
  app.early.catch(() => {});
}
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
