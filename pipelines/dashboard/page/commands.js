// The commands that the page recommends, for the account that it shows.

let program = "givlake";

/**
 * Sets how givlake is called for this account: `givlake --account north`.
 * @param {string} text The program's name, with the account if it has a name.
 */
export function setProgram(text) {
  program = text;
}

/**
 * Returns a command.
 * @param {string} words What follows the program's name.
 * @returns {string}
 */
export function commandOf(words) {
  return `${program} ${words}`;
}
