// Why figures of a site with several inverters can be unknown.

import { commandOf } from "./commands.js";
import { translate } from "./translate.js";

const METER_ROLES = ["whole_site", "grid_meter"];

/**
 * Says what to do if the figures of a site are unknown because of what its inverters count for.
 * @param {boolean} isAnythingKnown Whether the site has any figure of this kind.
 * @param {boolean} isGridKnown Whether it has those of the grid.
 * @param {object} context The page's context.
 * @returns {string} "" if that cannot be the reason.
 */
export function rolesNote(isAnythingKnown, isGridKnown, { about, scope, deviceCount }) {
  if (isGridKnown || scope.kind !== "site" || deviceCount < 2) return "";
  // Where one inverter is known to have the meter, only its days are missing.
  const inverters = about.sites.find(({ site }) => site === scope.device)?.inverters ?? [];
  if (isAnythingKnown && inverters.filter(({ role }) => METER_ROLES.includes(role)).length === 1) return "";
  return translate(isAnythingKnown ? "roles.hint" : "roles.none", { command: commandOf("roles set") });
}
