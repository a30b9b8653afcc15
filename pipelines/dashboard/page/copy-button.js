// A button that copies a text.

import { element } from "./dom.js";
import { translate } from "./translate.js";

const SHOWN_MS = 2000;

/**
 * Builds a button that copies a text to the clipboard.
 * @param {string} text The text.
 * @param {string} [label] What is copied, for screen readers.
 * @returns {HTMLButtonElement}
 */
export function copyButton(text, label = "") {
  const button = element("button", {
    type: "button", class: "copy", text: translate("copy.copy"),
    "aria-label": label ? `${translate("copy.copy")}: ${label}` : null,
  });
  button.addEventListener("click", async () => {
    const isCopied = await copyText(text);
    button.textContent = translate(isCopied ? "copy.copied" : "copy.failed");
    window.setTimeout(() => { button.textContent = translate("copy.copy"); }, SHOWN_MS);
  });
  return button;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelection(text);
  }
}

// Pages that are not on this machine or over https have no clipboard of their own.
function copySelection(text) {
  const area = element("textarea", { class: "visually-hidden", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
