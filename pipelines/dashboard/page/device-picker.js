// Choosing a site or an inverter: a field that searches, also among thousands.

import { element, show } from "./dom.js";
import { translate } from "./translate.js";

const MOST_OPTIONS = 60;

/**
 * Builds the picker.
 * @param {object} about What the account has.
 * @param {(of: string) => void} choose Called with what was chosen.
 * @returns {{root: HTMLElement, show: (of: string) => void}} Its element, a name only if there is
 *   nothing to choose, and a function that shows what is chosen.
 */
export function devicePicker(about, choose) {
  const options = deviceOptions(about);
  const optionOf = (chosen) => options.find(({ of }) => of === chosen) ?? { of: chosen, label: chosen ?? "", detail: "" };
  if (options.length < 2) {
    const name = element("p", { class: "picker-name" });
    return { root: name, show: (of) => { name.textContent = optionOf(of).label; } };
  }
  const picker = { options, current: optionOf(), choose, active: -1, shown: [] };
  picker.list = element("ul", { class: "picker-list", id: "picker-list", role: "listbox", "aria-label": translate("picker.label"), hidden: true });
  picker.input = element("input", {
    type: "text", class: "picker-input", id: "picker", role: "combobox", autocomplete: "off", spellcheck: "false",
    "aria-label": translate("picker.label"), "aria-expanded": "false", "aria-controls": "picker-list", "aria-autocomplete": "list",
    on: {
      focus: () => open(picker), click: () => picker.list.hidden && open(picker),
      input: () => filter(picker, picker.input.value), blur: () => close(picker),
      keydown: (event) => onKey(picker, event),
    },
  });
  const present = (of) => {
    picker.current = optionOf(of);
    // Who is choosing is not interrupted.
    if (picker.list.hidden) picker.input.value = picker.current.label;
  };
  return { root: element("div", { class: "picker" }, picker.input, picker.list), show: present };
}

/**
 * Returns the sites and inverters that can be shown.
 * @param {object} about What the account has.
 * @returns {Array<{of: string, label: string, detail: string, isInverter: boolean, search: string}>}
 */
export function deviceOptions(about) {
  return about.sites.flatMap((site) => {
    const { inverters } = site;
    const names = inverters.map((inverter) => inverter.name || inverter.serial);
    const isAlone = inverters.length === 1;
    const isUnnamed = isAlone && site.site === inverters[0].serial;
    const option = {
      of: `site:${site.site}`, isInverter: false,
      label: isUnnamed ? names[0] : translate("picker.site", { site: site.name || site.site }),
      detail: isAlone ? [isUnnamed ? "" : names[0], inverters[0].model].filter(Boolean).join(" · ")
        : translate("picker.inverters", { count: inverters.length, inverters: inverters.length }),
    };
    const members = isAlone ? [] : inverters.map((inverter) => ({
      of: `inverter:${inverter.serial}`, isInverter: true, label: inverter.name || inverter.serial,
      detail: [inverter.name === inverter.serial || !inverter.name ? "" : inverter.serial, inverter.model].filter(Boolean).join(" · "),
    }));
    return [option, ...members].map((item) => ({ ...item, search: `${item.label} ${item.detail} ${item.of}`.toLowerCase() }));
  });
}

function open(picker) {
  picker.input.select();
  filter(picker, "");
}

function filter(picker, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = picker.options.filter(({ search }) => words.every((word) => search.includes(word)));
  picker.shown = found.slice(0, MOST_OPTIONS);
  picker.active = -1;
  picker.list.replaceChildren(...picker.shown.map((option, index) => element("li", {
    role: "option", id: `picker-option-${index}`, class: option.isInverter ? "is-inverter" : null,
    "aria-selected": String(option.of === picker.current.of),
    on: { pointerdown: (event) => { event.preventDefault(); finish(picker, option); } },
  }, element("span", { text: option.label }), element("span", { class: "picker-detail", text: option.detail }))));
  if (!found.length || found.length > MOST_OPTIONS) {
    picker.list.append(element("li", { class: "picker-more", role: "presentation", text: found.length
      ? translate("picker.more", { count: found.length - MOST_OPTIONS, more: found.length - MOST_OPTIONS }) : translate("picker.none") }));
  }
  show(picker.list, true);
  picker.input.setAttribute("aria-expanded", "true");
}

function close(picker) {
  show(picker.list, false);
  picker.input.setAttribute("aria-expanded", "false");
  picker.input.removeAttribute("aria-activedescendant");
  picker.input.value = picker.current.label;
}

function finish(picker, option) {
  picker.current = option;
  close(picker);
  picker.choose(option.of);
}

function onKey(picker, event) {
  if (event.key === "Escape") close(picker);
  else if (event.key === "Enter" && picker.list.hidden) open(picker);
  else if (event.key === "Enter" && picker.shown.length) finish(picker, picker.shown[Math.max(0, picker.active)]);
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (picker.list.hidden) open(picker);
    move(picker, event.key === "ArrowDown" ? 1 : -1);
  }
}

function move(picker, step) {
  const items = picker.list.querySelectorAll("[role=option]");
  if (!items.length) return;
  items[picker.active]?.classList.remove("is-active");
  picker.active = (picker.active + step + items.length) % items.length;
  items[picker.active].classList.add("is-active");
  items[picker.active].scrollIntoView({ block: "nearest" });
  picker.input.setAttribute("aria-activedescendant", items[picker.active].id);
}
