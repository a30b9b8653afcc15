// What the reader should know before the figures: ingestion, problems, an empty folder.

import { commandOf } from "./commands.js";
import { copyButton } from "./copy-button.js";
import { element, icon } from "./dom.js";
import { formatInstant, formatTime } from "./format.js";
import { translate } from "./translate.js";

const FIRST_COMMANDS = ["doctor", "backfill", "dashboard"];

/**
 * Builds the banners.
 * @param {object} about What the account has.
 * @param {?object} problem What went wrong: `text` and an `action` with `label` and `run`.
 * @returns {HTMLElement[]}
 */
export function bannersOf(about, problem) {
  const zone = about?.sites?.[0]?.zone;
  return [
    problem && banner("is-problem", problem.text, problem.code, problem.action),
    about?.ingestion?.is_running && banner("is-running", about.ingestion.since
      ? translate("banner.running", { time: formatTime(about.ingestion.since, zone) }) : translate("banner.running_now")),
    about?.problems?.length > 0 && problemsBanner(about.problems),
  ].filter(Boolean);
}

/**
 * Builds the card of a folder without data.
 * @param {object} about What the account has.
 * @returns {HTMLElement}
 */
export function emptyCard(about) {
  return element("section", { class: "card is-full empty" },
    element("span", { class: "brand-mark is-large", "aria-hidden": "true" }),
    element("h1", { text: translate("empty.title") }),
    element("p", { text: translate("empty.what") }),
    element("p", { text: translate(about.ingestion?.is_running ? "empty.running" : "empty.how", { folder: about.folder ?? "data" }) }),
    element("ol", { class: "commands" }, FIRST_COMMANDS.map(firstCommand)),
    element("p", { class: "note", text: translate("empty.demo") }));
}

function firstCommand(name) {
  const command = commandOf(name);
  return element("li", {},
    element("div", { class: "command" }, element("code", { text: command }), copyButton(command, command)),
    element("span", { class: "note", text: translate(`empty.${name}`) }));
}

/**
 * Builds the line at the end of the page.
 * @param {object} about What the account has.
 * @param {object} scope What the server shows.
 * @returns {HTMLElement}
 */
export function footLine(about, scope) {
  return element("p", {}, [
    `givlake ${about.version}`,
    about.last_fetched_at && translate("foot.fetched", { time: formatInstant(about.last_fetched_at, scope.zone) }),
    translate("foot.zone", { zone: scope.zone }),
    translate("foot.local"),
  ].filter(Boolean).join(" · "));
}

function problemsBanner(problems) {
  if (problems.length === 1) return banner("is-warning", problems[0]);
  return element("div", { class: "banner is-warning", role: "status" }, icon("warning"), element("details", {},
    element("summary", { text: translate("banner.problems", { count: problems.length, problems: problems.length }) }),
    element("ul", {}, problems.map((text) => element("li", { text })))));
}

function banner(kind, text, code, action) {
  return element("div", { class: `banner ${kind}`, role: kind === "is-problem" ? "alert" : "status" },
    kind === "is-running" ? element("span", { class: "pulse", "aria-hidden": "true" }) : icon("warning"),
    element("p", {}, text, code && " ", code && element("code", { text: code })),
    action && element("button", { type: "button", text: action.label, on: { click: action.run } }));
}
