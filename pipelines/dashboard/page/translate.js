// The texts of the page in the reader's language.

import { messagesDe } from "./messages-de.js";
import { messagesEn } from "./messages-en.js";
import { messagesFr } from "./messages-fr.js";
import { messagesNl } from "./messages-nl.js";

const MESSAGES = { de: messagesDe, en: messagesEn, fr: messagesFr, nl: messagesNl };

/** The language of the texts: the first of the browser's that has messages, else English. */
export const language = chosenLanguage(navigator.languages ?? [navigator.language]);

const pluralRules = new Intl.PluralRules(language);

/**
 * Returns a text in the reader's language.
 * @param {string} key Key of the message.
 * @param {object} [parameters] Values for the `{names}` in the message; `count` chooses among the
 *   plural forms of a message that has them.
 * @returns {string} The text, in English where the language lacks it.
 */
export function translate(key, parameters = {}) {
  let message = MESSAGES[language][key] ?? messagesEn[key];
  if (message === undefined) return key;
  if (typeof message === "object") message = message[pluralRules.select(parameters.count)] ?? message.other;
  return message.replace(/\{(\w+)\}/g, (whole, name) => parameters[name] ?? whole);
}

/**
 * Says whether there is a text.
 * @param {string} key Key of the message.
 * @returns {boolean}
 */
export function hasMessage(key) {
  return messagesEn[key] !== undefined;
}

function chosenLanguage(wanted) {
  const codes = wanted.map((tag) => tag.toLowerCase().split("-")[0]);
  return codes.find((code) => MESSAGES[code]) ?? "en";
}
