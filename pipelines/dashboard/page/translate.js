// The texts of the page in the reader's language.

import { messagesDe } from "./messages-de.js";
import { messagesEn } from "./messages-en.js";
import { messagesFr } from "./messages-fr.js";
import { messagesNl } from "./messages-nl.js";

const MESSAGES = { de: messagesDe, en: messagesEn, fr: messagesFr, nl: messagesNl };

/**
 * Language and region of numbers and dates: the first of the browser's whose language has messages,
 * else English; with the calendar and the digits that the texts have.
 */
export const locale = chosenLocale(navigator.languages ?? [navigator.language]);

/** The language of the texts. */
export const language = languageOf(locale);

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

function chosenLocale(wanted) {
  const tag = wanted.find((candidate) => MESSAGES[languageOf(candidate)] && isValid(candidate)) ?? "en-GB";
  return new Intl.Locale(tag, { calendar: "gregory", numberingSystem: "latn" }).toString();
}

function languageOf(tag) {
  return tag.toLowerCase().split("-")[0];
}

function isValid(tag) {
  try {
    return Boolean(new Intl.Locale(tag));
  } catch {
    return false;
  }
}
