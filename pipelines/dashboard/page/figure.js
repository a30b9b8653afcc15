// A figure: a card with a heading, a sentence, a chart, its table, its SQL and its files.

import { downloadAddress } from "./api.js";
import { drawChart, removeChart } from "./chart-view.js";
import { copyButton } from "./copy-button.js";
import { disclosure } from "./disclosure.js";
import { element, icon, show } from "./dom.js";
import { formatNumber } from "./format.js";
import { legendOf } from "./legend.js";
import { rowsOf } from "./rows.js";
import { tableOf } from "./table-view.js";
import { hasMessage, translate } from "./translate.js";

/**
 * What a figure shows. Functions are called with the chart's rows and the page's context.
 * @typedef {object} FigureDeclaration
 * @property {string} id Name of the element and of the messages `ID.title`.
 * @property {string} chart Name of the chart at the server.
 * @property {string[]} [periods] Periods that have it; all if it is missing.
 * @property {string} [size] Width in the grid: `full`, `half`, `wide` or `narrow`.
 * @property {string} [height] Class of the chart's height: `tall`, `medium`, `low`.
 * @property {(rows) => number} [heightPx] The chart's height, where it depends on the rows, px.
 * @property {(rows, context) => boolean} [isShown] Whether there is anything to show.
 * @property {(rows, context) => string} [sentence] What it says, or what is missing.
 * @property {(rows, context) => Array} [legend] Items of the legend.
 * @property {(rows, context, figure) => ?object} [option] Option of ECharts; null without a chart.
 * @property {"svg"|"canvas"} [renderer] Renderer of ECharts.
 * @property {(index, context) => void} [onClick] Called with the index of the category that is clicked.
 * @property {(rows, context, figure) => Node[]} [controls] Controls beside the heading.
 * @property {(rows, context, figure) => Node[]} [body] What stands below the chart.
 * @property {boolean} [isNewestOnly] Whether the server sends only the newest rows.
 * @property {(context) => Array} [columns] Columns of the table.
 * @property {(rows, context) => object[]} [tableRows] Rows of the table, if not those of the chart.
 */

/** The server sends no more rows of lists. */
const MOST_NEWEST = 500;

/** A figure on the page. */
export class Figure {
  /** @param {FigureDeclaration} declaration What it shows. */
  constructor(declaration) {
    this.declaration = declaration;
    this.choices = {};
    const titleId = `${declaration.id}-title`;
    this.title = element("h3", { id: titleId });
    this.sentence = element("p", { class: "sentence" });
    this.controls = element("div", { class: "figure-controls" });
    this.legend = element("div");
    this.chart = element("div", { class: `chart is-${declaration.height ?? "medium"}`, role: "img" });
    this.body = element("div", { class: "figure-body" });
    this.foot = element("div", { class: "figure-foot" });
    this.tables = disclosure(translate("figure.table"), () => this.#table());
    this.sql = disclosure(translate("figure.sql"), () => this.#sqlText());
    this.root = element("article", {
      class: `card figure is-${declaration.size ?? "full"}`, id: `figure-${declaration.id}`, "aria-labelledby": titleId,
    },
    element("div", { class: "figure-head" }, element("div", {}, this.title, this.sentence), this.controls),
    this.legend, this.chart, this.body, this.foot);
  }

  /**
   * Shows the figure for what the page shows now.
   * @param {object} context The page's context.
   */
  update(context) {
    this.context = context;
    const answer = context.charts[this.declaration.chart];
    const rows = rowsOf(answer);
    const { periods, isShown } = this.declaration;
    const isRelevant = answer && (!periods || periods.includes(context.scope.period))
      && (answer.error || !isShown || isShown(rows, context));
    show(this.root, Boolean(isRelevant));
    if (!isRelevant) return;
    const title = `${this.declaration.id}.title`;
    const bucketTitle = `${title}_${context.scope.bucket}`;
    this.title.textContent = translate(hasMessage(bucketTitle) ? bucketTitle : title);
    if (answer.error) this.#showProblem(translate("figure.failed", { reason: answer.error }));
    else this.#showRows(rows, answer);
  }

  /** Shows the figure again, after a choice in it or with other colours. */
  redraw() {
    if (this.context && !this.root.hidden) this.update(this.context);
  }

  #showRows(rows, answer) {
    const { declaration, context } = this;
    this.sentence.textContent = [declaration.sentence?.(rows, context), this.#limitNote(rows, answer)].filter(Boolean).join(" ");
    show(this.sentence, this.sentence.textContent !== "");
    this.sentence.classList.remove("is-problem");
    this.controls.replaceChildren(...(declaration.controls?.(rows, context, this) ?? []));
    this.legend.replaceChildren(legendOf(declaration.legend?.(rows, context) ?? []));
    // New data do not take away the field that the reader writes into.
    const isTyping = context.isQuiet && document.activeElement?.matches("input") && this.body.contains(document.activeElement);
    if (!isTyping) this.body.replaceChildren(...(declaration.body?.(rows, context, this) ?? []));
    this.#draw(rows);
    this.#fillFoot(answer, rows);
  }

  #limitNote(rows, answer) {
    if (answer.total_rows > rows.length) {
      return translate("figure.some", { count: answer.total_rows, shown: formatNumber(rows.length), all: formatNumber(answer.total_rows) });
    }
    const isLimited = answer.is_limited || this.declaration.isNewestOnly && rows.length >= MOST_NEWEST;
    return isLimited ? translate("figure.newest", { count: rows.length }) : "";
  }

  #draw(rows) {
    const { declaration, context } = this;
    try {
      const option = rows.length ? declaration.option?.(rows, context, this) : null;
      show(this.chart, Boolean(option));
      show(this.legend, Boolean(option) || !declaration.option);
      if (!option) return;
      this.chart.setAttribute("aria-label", [this.title.textContent, this.sentence.textContent, translate("figure.see_table")]
        .filter(Boolean).join(". "));
      if (declaration.heightPx) this.chart.style.setProperty("height", `${declaration.heightPx(rows)}px`);
      drawChart(this.chart, option, {
        renderer: declaration.renderer,
        onClick: declaration.onClick && ((index) => declaration.onClick(index, context)),
      });
    } catch (error) {
      console.warn(`The chart ${declaration.id} could not be drawn.`, error);
      removeChart(this.chart);
      this.#showProblem(translate("figure.failed", { reason: String(error.message ?? error) }));
    }
  }

  #showProblem(text) {
    this.sentence.textContent = text;
    this.sentence.classList.add("is-problem");
    show(this.sentence, true);
    show(this.chart, false);
    this.legend.replaceChildren();
    this.body.replaceChildren();
    this.foot.replaceChildren();
  }

  #fillFoot(answer, rows) {
    const { declaration, context } = this;
    const parts = [];
    if (declaration.columns && rows.length) parts.push(this.tables.root);
    if (answer.sql) parts.push(this.sql.root);
    if (answer.sql && !context.isReport) {
      for (const format of ["csv", "parquet"]) {
        parts.push(element("a", {
          class: "download", href: downloadAddress(declaration.chart, context.asked, format), download: true,
          "aria-label": translate("figure.download", { format: format.toUpperCase(), title: this.title.textContent }),
        }, icon("download"), format === "csv" ? "CSV" : "Parquet"));
      }
    }
    if (this.foot.children.length !== parts.length) this.foot.replaceChildren(...parts);
    else parts.forEach((part, index) => part !== this.foot.children[index] && this.foot.children[index].replaceWith(part));
    this.tables.refresh();
    this.sql.refresh();
  }

  #table() {
    const { declaration, context } = this;
    const rows = rowsOf(context.charts[declaration.chart]);
    return tableOf(`${this.title.textContent}, ${context.title}`, declaration.tableRows?.(rows, context) ?? rows,
      declaration.columns(context));
  }

  #sqlText() {
    const { sql } = this.context.charts[this.declaration.chart];
    return element("div", { class: "sql" }, copyButton(sql),
      element("pre", { tabindex: "0", "aria-label": translate("figure.sql") }, element("code", { text: sql })));
  }
}
