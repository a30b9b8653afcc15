// Starts the page: reads its address, fetches, shows, and follows the data.

import { readAddress, writeAddress } from "./address.js";
import { RequestRefused, ServerUnreachable, fetchAbout, fetchCharts, fetchNow } from "./api.js";
import { commandOf, setProgram } from "./commands.js";
import { addComparison, comparedDate, contextOf } from "./context.js";
import { listenToKeys } from "./header.js";
import { localDate } from "./local-time.js";
import { onNavigate } from "./navigation.js";
import { Page } from "./page.js";
import { firstCharts, furtherCharts, mainChart } from "./sections.js";
import { applyTheme, chosenTheme } from "./theme.js";
import { language, translate } from "./translate.js";

const POLL_MS = 30_000;

// `now` is of the device `now.of`; `day` is the day of the browser's clock when the page was loaded.
const app = {
  page: null, about: null, context: null, now: null, abort: null, isLoading: false, early: null, isStale: false, day: "", state: readAddress(),
};

/**
 * Shows what the address says.
 * @param {object} options `isQuiet` leaves the page as it is until the new figures are there.
 */
async function load({ isQuiet = false } = {}) {
  // What the reader waits for is not started again.
  if (isQuiet && app.isLoading) return;
  app.abort?.abort();
  const abort = new AbortController();
  app.abort = abort;
  app.isLoading = !isQuiet;
  if (!isQuiet) app.page.wait(true);
  try {
    const period = app.state.period ?? "day";
    const early = app.early;
    app.early = null;
    const [about, first] = await (early ?? fetchTop(isQuiet, abort.signal));
    if (abort.signal.aborted) return;
    app.about = about;
    setProgram(about.program);
    if (about.is_empty || !about.sites.length) {
      app.page.showEmpty(about);
      return;
    }
    if (first instanceof Error) throw first;
    app.isStale = false;
    const context = contextOf(about, first.scope, first.charts, app.state, false);
    context.isQuiet = isQuiet;
    if (isQuiet && app.context?.otherScope) addComparison(context, app.context.otherScope, app.context.otherCharts);
    if (!isQuiet || context.scope.today !== app.context?.scope.today) app.day = localDate(Date.now(), context.scope.zone);
    if (app.now?.of !== context.scope.of) app.now = null;
    app.context = context;
    app.state = context.state;
    writeAddress(context.state, false);
    app.page.showBanners(about, null);
    app.page.showTop(context);
    app.page.showNow(app.now, context);
    await app.page.showFigures(context, firstCharts(period));
    await loadFurther(context, abort.signal);
    if (abort.signal.aborted) return;
    app.page.wait(false);
    app.isLoading = false;
    if (!isQuiet || !app.now) await loadNow();
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error);
  } finally {
    if (app.abort === abort) {
      app.isLoading = false;
      app.page.wait(false);
    }
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
    fetchCharts(names, context.asked, signal),
    date ? fetchCharts([mainChart(period)], { ...context.asked, date }, signal).catch(onlyAborts) : null,
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
  app.isStale = true;
  if (error instanceof ServerUnreachable) {
    app.page.showBanners(null, { text: translate("banner.no_server"), code: commandOf("dashboard") });
  } else if (error instanceof RequestRefused) {
    const isOfAddress = error.part !== null && app.state[error.part] !== undefined;
    if (isOfAddress && app.about && !app.about.is_empty) {
      const scope = app.context?.scope ?? { today: app.about.today, date: app.state.date, start: "", end: "" };
      app.page.showHeader(app.about, scope, app.state);
    }
    app.page.showBanners(app.about, {
      text: error.message,
      action: isOfAddress && { label: translate("banner.leave_out"), run: () => visit({ [error.part]: undefined }) },
    });
  } else {
    console.warn("The page could not be shown.", error);
    app.page.showBanners(app.about, { text: translate("banner.failed", { reason: String(error.message ?? error) }) });
  }
}

function visit(state) {
  app.state = { ...app.state, ...state };
  writeAddress(app.state, true);
  load();
}

async function pollNow() {
  if (document.hidden || app.isLoading) return;
  if (!app.context || app.isStale || app.day !== localDate(Date.now(), app.context.scope.zone)) {
    await load({ isQuiet: true });
  } else {
    await loadNow();
  }
}

async function loadNow() {
  const { of } = app.context.scope;
  const isOther = () => app.isLoading || app.context.scope.of !== of;
  try {
    const answer = await fetchNow(of);
    // A late answer is of what was shown before.
    if (isOther()) return;
    const isNewer = app.context.scope.data_version !== answer.data_version;
    const isOtherRun = app.about.ingestion?.is_running !== answer.ingestion?.is_running;
    app.now = { of, columns: answer.now.columns ?? answer.now };
    app.about = { ...app.about, ingestion: answer.ingestion };
    app.page.showBanners(app.about, null);
    app.page.showNow(app.now, app.context);
    if (isNewer || isOtherRun && !answer.ingestion?.is_running) await load({ isQuiet: true });
  } catch (error) {
    if (!isOther()) showProblem(error);
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
