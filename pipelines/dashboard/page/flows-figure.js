// Where the energy came from and went: Sankey diagram and matrix.

import { isNarrow, tooltip } from "./chart-parts.js";
import { daysColumn, daysNote } from "./completeness.js";
import { element } from "./dom.js";
import { formatEnergy, formatKwh, formatPercent } from "./format.js";
import { isKnown, sumOf } from "./rows.js";
import { rolesNote } from "./site-notes.js";
import { colours } from "./theme.js";
import { translate } from "./translate.js";

// Flows carry dust of rounding, which a diagram would draw as hairlines.
const SMALLEST_KWH = 0.005;
const SOURCES = ["solar", "battery", "grid"];
const DESTINATIONS = ["home", "battery", "grid"];
const SOURCE_COLOURS = { solar: "solar", battery: "battery", grid: "import" };
const DESTINATION_COLOURS = { home: "home", battery: "battery", grid: "export" };

/** @type {import("./figure.js").FigureDeclaration} */
export const flowsFigure = {
  id: "flows", chart: "flows", size: "split", height: "flows",
  sentence: (rows, context) => {
    if (!linksOf(rows).length) return [translate("flows.none"), rolesNote(false, false, context)].filter(Boolean).join(" ");
    return rows[0] ? daysNote(rows[0]) : "";
  },
  option: sankeyOption,
  body: (rows) => linksOf(rows).length ? [matrixOf(rows)] : [],
  columns: () => [
    { label: translate("column.from"), isHeader: true, value: (row) => translate(`node.from_${row.from_node}`) },
    { label: translate("column.to"), isText: true, value: (row) => translate(`node.to_${row.to_node}`) },
    { label: translate("column.energy"), value: (row) => formatEnergy(row.energy_kwh) },
    { label: translate("column.share_of_source"), value: (row) => formatPercent(row.share_of_source, 1) },
    { label: translate("column.share_of_destination"), value: (row) => formatPercent(row.share_of_destination, 1) },
    daysColumn(),
  ],
};

function linksOf(rows) {
  return rows.filter((row) => row.energy_kwh >= SMALLEST_KWH);
}

function sankeyOption(rows) {
  const links = linksOf(rows);
  if (!links.length) return null;
  const palette = colours();
  const total = (column, node) => formatKwh(sumOf(links.filter((row) => row[column] === node).map((row) => row.energy_kwh)));
  // Labels may lie on flows where there is no room beside them.
  const halo = { textBorderColor: palette.card, textBorderWidth: 3 };
  const node = (side, name, colour) => ({
    name: `${side}:${name}`, itemStyle: { color: palette[colour], borderWidth: 0 }, depth: side === "from" ? 0 : 1,
    label: {
      position: side === "from" && !isNarrow() ? "left" : "right", align: side === "from" && !isNarrow() ? "right" : "left",
      formatter: `{name|${translate(`node.${side}_${name}`)}}\n{energy|${total(`${side}_node`, name)}}`,
      rich: { name: { ...halo, color: palette.text, fontWeight: 600, lineHeight: 17 }, energy: { ...halo, color: palette.muted, lineHeight: 17 } },
    },
  });
  const has = (column, name) => links.some((row) => row[column] === name);
  return {
    tooltip: tooltip((parameters) => sankeyTooltip(parameters, links), { trigger: "item" }),
    series: [{
      type: "sankey", left: isNarrow() ? 0 : 104, right: isNarrow() ? 98 : 118, top: 14, bottom: 14, nodeWidth: 14, nodeGap: 18, draggable: false, layoutIterations: 0,
      emphasis: { focus: "adjacency" }, silent: false,
      data: [
        ...SOURCES.filter((name) => has("from_node", name)).map((name) => node("from", name, SOURCE_COLOURS[name])),
        ...DESTINATIONS.filter((name) => has("to_node", name)).map((name) => node("to", name, DESTINATION_COLOURS[name])),
      ],
      links: links.map((row) => ({
        source: `from:${row.from_node}`, target: `to:${row.to_node}`, value: row.energy_kwh,
        lineStyle: { color: palette[SOURCE_COLOURS[row.from_node]], opacity: 0.32 },
      })),
      lineStyle: { curveness: 0.5 },
    }],
  };
}

function sankeyTooltip(parameters, links) {
  const isLink = parameters.dataType === "edge";
  const shown = isLink ? [links[parameters.dataIndex]]
    : links.filter((row) => parameters.name === `from:${row.from_node}` || parameters.name === `to:${row.to_node}`);
  if (!shown.length || !shown[0]) return null;
  return {
    title: isLink ? translate("flows.link", names(shown[0])) : translate(`node.${parameters.name.replace(":", "_")}`),
    lines: isLink
      ? [
        { label: translate("column.energy"), value: formatKwh(shown[0].energy_kwh) },
        { label: translate("column.share_of_source"), value: formatPercent(shown[0].share_of_source, 1) },
        { label: translate("column.share_of_destination"), value: formatPercent(shown[0].share_of_destination, 1) },
      ]
      : shown.map((row) => ({ label: translate("flows.link", names(row)), value: formatKwh(row.energy_kwh), colour: SOURCE_COLOURS[row.from_node] })),
  };
}

function names(row) {
  return { from: translate(`node.from_${row.from_node}`), to: translate(`node.to_${row.to_node}`) };
}

function matrixOf(rows) {
  const cell = (from, to) => rows.find((row) => row.from_node === from && row.to_node === to);
  const sources = SOURCES.filter((from) => linksOf(rows).some((row) => row.from_node === from));
  const destinations = DESTINATIONS.filter((to) => linksOf(rows).some((row) => row.to_node === to));
  return element("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": translate("flows.matrix") },
    element("table", { class: "matrix" },
      element("caption", { text: translate("flows.matrix") }),
      element("thead", {}, element("tr", {},
        element("th", { scope: "col", class: "is-text", text: translate("flows.from_to") }),
        destinations.map((to) => element("th", { scope: "col", text: translate(`node.to_${to}`) })),
        element("th", { scope: "col", text: translate("column.sum") }))),
      element("tbody", {}, sources.map((from) => element("tr", {},
        element("th", { scope: "row", class: "is-text" }, element("span", { class: `swatch is-${SOURCE_COLOURS[from]}` }), translate(`node.from_${from}`)),
        destinations.map((to) => matrixCell(cell(from, to))),
        element("td", {}, formatEnergy(sumOf(rows.filter((row) => row.from_node === from).map((row) => row.energy_kwh))))))),
      element("tfoot", {}, element("tr", {},
        element("th", { scope: "row", class: "is-text", text: translate("column.sum") }),
        destinations.map((to) => element("td", {}, formatEnergy(sumOf(rows.filter((row) => row.to_node === to).map((row) => row.energy_kwh))))),
        element("td", {}, formatEnergy(sumOf(rows.map((row) => row.energy_kwh))))))));
}

function matrixCell(row) {
  if (!row || !isKnown(row.energy_kwh)) return element("td", { class: "is-none", text: row ? "–" : "" });
  return element("td", { title: translate("flows.share", { percent: formatPercent(row.share_of_source, 1) }) },
    formatEnergy(row.energy_kwh),
    element("span", { class: "share", text: formatPercent(row.share_of_source) }));
}
