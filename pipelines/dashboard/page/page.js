// The page's elements: header, banners, heading, tiles and sections.

import { bannersOf, emptyCard, footLine } from "./banners.js";
import { devicePicker } from "./device-picker.js";
import { element, show } from "./dom.js";
import { Figure } from "./figure.js";
import { PeriodLine, brandMark, themeButton } from "./header.js";
import { nowTilesOf } from "./now-tiles.js";
import { SECTIONS } from "./sections.js";
import { onThemeChange } from "./theme.js";
import { tilesOf } from "./tiles.js";
import { translate } from "./translate.js";

/** The page. */
export class Page {
  /** @param {(change: object) => void} change Shows something else. */
  constructor(change) {
    this.change = change;
    this.header = document.getElementById("header");
    this.main = document.getElementById("main");
    this.foot = document.getElementById("foot");
    this.brand = element("div", { class: "brand-bar" });
    this.brandLine = element("div", { class: "brand-line" }, brandMark());
    this.sites = "";
    this.periodLine = new PeriodLine(change);
    this.period = element("div", { class: "period-bar" }, this.periodLine.root);
    this.banners = element("div", { class: "banners", "aria-live": "polite" });
    this.heading = element("div", { class: "heading" });
    this.now = element("div", { class: "now-row" });
    this.tiles = element("div", { class: "tiles" });
    this.sections = SECTIONS.map(sectionOf);
    this.content = element("div", { class: "content" }, this.heading, this.now, this.tiles, this.sections.map(({ root }) => root));
    this.brand.append(this.brandLine);
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
    const banners = bannersOf(about, problem);
    // One that stays is not read aloud again, and keeps the focus of its button.
    const textOf = (nodes) => [...nodes].map((node) => `${node.className} ${node.textContent}`).join("\n");
    if (textOf(banners) !== textOf(this.banners.children)) this.banners.replaceChildren(...banners);
  }

  /**
   * Shows the card of an empty folder instead of figures.
   * @param {object} about What the account has.
   */
  showEmpty(about) {
    this.showBanners(about, null);
    this.#showBrand(about, undefined);
    show(this.period, false);
    this.main.replaceChildren(this.banners, emptyCard(about));
  }

  /**
   * Shows the controls.
   * @param {object} about What the account has.
   * @param {object} scope What the server shows.
   * @param {object} state What the page shows.
   */
  showHeader(about, scope, state) {
    this.#showBrand(about, state.of);
    this.periodLine.update(scope, state);
    show(this.period, true);
  }

  /**
   * Shows header, heading and tiles.
   * @param {object} context The page's context.
   */
  showTop(context) {
    if (!this.main.contains(this.content)) this.main.replaceChildren(this.banners, this.content);
    if (!context.isReport) this.showHeader(context.about, context.scope, context.state);
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

  // Devices that come do not take the field away from who is choosing one.
  #showBrand(about, of) {
    const sites = JSON.stringify(about.sites);
    if (sites !== this.sites && !this.picker?.root.contains(document.activeElement)) {
      this.sites = sites;
      this.theme ??= themeButton();
      this.picker = about.is_empty || !about.sites.length ? null : devicePicker(about, (chosen) => this.change({ of: chosen }));
      this.brandLine.replaceChildren(brandMark(), this.picker?.root ?? element("span"), this.theme);
    }
    this.picker?.show(of);
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
  // A card of half the width has all of it where no other is beside it.
  let isBeside = false;
  for (const figure of shown) {
    isBeside = figure.declaration.size === "half" && !isBeside;
    figure.root.classList.toggle("is-alone", isBeside && shown[shown.indexOf(figure) + 1]?.declaration.size !== "half");
  }
  if (title) title.textContent = translate(shown.every(({ declaration }) => declaration.id === "pv_health") ? "section.panels" : "section.battery");
}

function nextFrame() {
  return new Promise((resolve) => window.setTimeout(resolve, 0));
}
