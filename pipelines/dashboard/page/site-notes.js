// Why figures of a site with several inverters can be unknown.

import { translate } from "./translate.js";

/**
 * Says what to do if the figures of a site are unknown because of what its inverters count for.
 * @param {boolean} isAnythingKnown Whether the site has any figure of this kind.
 * @param {boolean} isGridKnown Whether it has those of the grid.
 * @param {object} context The page's context.
 * @returns {string} "" if that cannot be the reason.
 */
export function rolesNote(isAnythingKnown, isGridKnown, { scope, deviceCount }) {
  if (isGridKnown || scope.kind !== "site" || deviceCount < 2) return "";
  return translate(isAnythingKnown ? "roles.hint" : "roles.none");
}
