// The page's elements: header, banners, heading, tiles and sections.

import { bannersOf, emptyCard, footLine } from "./banners.js";
import { element, show } from "./dom.js";
import { Figure } from "./figure.js";
import { brandLine, brandMark, periodLine } from "./header.js";
import { nowTilesOf } from "./now-tiles.js";
import { SECTIONS } from "./sections.js";
import { onThemeChange } from "./theme.js";
import { tilesOf } from "./tiles.js";
import { translate } from "./translate.js";

/** The page. */
export class Page {
  /** @param {(change: object, options?: object) => void} change Shows something else. */
  constructor(change) {
    this.change = change;
    this.header = document.getElementById("header");
    this.main = document.getElementById("main");
    this.foot = document.getElementById("foot");
    this.brand = element("div", { class: "brand-bar" });
    this.period = element("div", { class: "period-bar" });
    this.banners = element("div", { class: "banners", "aria-live": "polite" });
    this.heading = element("div", { class: "heading" });
    this.now = element("div", { class: "now-row" });
    this.tiles = element("div", { class: "tiles" });
    this.sections = SECTIONS.map(sectionOf);
    this.content = element("div", { class: "content" }, this.heading, this.now, this.tiles, this.sections.map(({ root }) => root));
    this.header.replaceChildren(this.brand, this.period);
    this.main.replaceChildren(this.banners, this.content);
    show(this.content, false);
    show(this.period, false);
    this.drawing = 0;
    onThemeChange(() => this.#eachFigure((figure) => figure.redraw()));
  }

  /**
   * Marks the page as waiting for other figures.
   * @param {boolean} isWaiting Whether it waits.
   */
  wait(isWaiting) {
    this.main.setAttribute("aria-busy", String(isWaiting));
  }

  /**
   * Shows the banners.
   * @param {?object} about What the account has.
   * @param {?object} problem What went wrong.
   */
  showBanners(about, problem) {
    this.banners.replaceChildren(...bannersOf(about, problem));
  }

  /**
   * Shows the card of an empty folder instead of figures.
   * @param {object} about What the account has.
   */
  showEmpty(about) {
    this.showBanners(about, null);
    this.brand.replaceChildren(brandLine(about, {}, this.change));
    show(this.period, false);
    this.main.replaceChildren(this.banners, emptyCard(about));
  }

  /**
   * Shows header, heading and tiles.
   * @param {object} context The page's context.
   */
  showTop(context) {
    if (!this.main.contains(this.content)) this.main.replaceChildren(this.banners, this.content);
    if (context.isReport) {
      this.brand.replaceChildren(brandMark());
    } else if (!context.isQuiet || !this.header.contains(document.activeElement)) {
      const focused = focusSelector();
      this.brand.replaceChildren(brandLine(context.about, context.state, this.change));
      this.period.replaceChildren(periodLine(context, this.change));
      if (focused) this.header.querySelector(focused)?.focus();
    }
    show(this.period, !context.isReport);
    show(this.content, true);
    this.heading.replaceChildren(
      element("p", { class: "heading-device", text: context.deviceName }),
      element("h1", { text: context.title }));
    this.tiles.replaceChildren(...tilesOf(context));
    this.foot.replaceChildren(footLine(context.about, context.scope));
    document.title = `${context.title} · ${context.deviceName} · givlake`;
  }

  /**
   * Shows the newest reading.
   * @param {?object} now Rows of `now`.
   * @param {object} context The page's context.
   */
  showNow(now, context) {
    this.now.replaceChildren(...nowTilesOf(now, context));
  }

  /**
   * Shows the figures of some charts, one after the other, so that the page stays responsive.
   * @param {object} context The page's context.
   * @param {string[]} names Charts whose answers are there.
   * @param {boolean} isAtOnce Whether all are drawn at once, as before printing.
   * @returns {Promise<void>}
   */
  async showFigures(context, names, isAtOnce = false) {
    this.drawing += 1;
    const run = this.drawing;
    for (const section of this.sections) {
      for (const figure of section.figures) {
        if (!names.includes(figure.declaration.chart)) continue;
        if (run !== this.drawing) return;
        figure.update(context);
        showSection(section);
        if (!isAtOnce) await nextFrame();
      }
    }
  }

  /**
   * Hides figures that the period does not have.
   * @param {string[]} names Charts that it has.
   */
  hideOthers(names) {
    for (const section of this.sections) {
      for (const { declaration, root } of section.figures) if (!names.includes(declaration.chart)) show(root, false);
      showSection(section);
    }
  }

  #eachFigure(run) {
    for (const { figures } of this.sections) figures.forEach(run);
  }
}

function sectionOf({ id, figures }) {
  const built = figures.map((declaration) => new Figure(declaration));
  const titleId = `section-${id}-title`;
  const title = element("h2", { id: titleId, text: translate(`section.${id}`) });
  const root = element("section", { class: "section", id: `section-${id}`, "aria-labelledby": titleId, hidden: true },
    title, element("div", { class: "cards" }, built.map((figure) => figure.root)));
  built.forEach((figure) => show(figure.root, false));
  // A house without a battery has panels still.
  return { root, figures: built, title: id === "battery" ? title : null };
}

function showSection({ root, figures, title }) {
  const shown = figures.filter((figure) => !figure.root.hidden);
  show(root, shown.length > 0);
  if (title) title.textContent = translate(shown.every(({ declaration }) => declaration.id === "pv_health") ? "section.panels" : "section.battery");
}

function focusSelector() {
  const active = document.activeElement;
  if (!active || active === document.body) return "";
  if (active.dataset.period) return "[role=radio][aria-checked=true]";
  if (active.dataset.arrow) return `[data-arrow="${active.dataset.arrow}"]`;
  return ["date", "theme", "today"].filter((name) => active.classList.contains(name)).map((name) => `.${name}`)[0]
    ?? (active.id === "compare" ? "#compare" : "");
}

function nextFrame() {
  return new Promise((resolve) => window.setTimeout(resolve, 0));
}
