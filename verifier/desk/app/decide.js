/* What the desk says to a verified badge before anything is redeemed: the twin of `decide_acceptance`, and what is
 * known of this holder. Pure: nothing is asked, written or shown here.
 */

import { fromBase64url } from "../../../keys/browser/bytes.js";
import { parse } from "../../../keys/browser/timestamps.js";
import { proofAtDesk } from "./rings.js";
import { holderHash } from "./signed.js";

/** `{kind, reason, percent, achievement, name, holders, issuer, achievementId, day, grant, proof}`.
 *
 * `kind` is one of grant, ticket_queue, no_discount, registration_page, not_valid, ask_the_lead. `grants`: those that
 * stand in the journals at hand, `{desk, at, holders, ring}`, without what was undone.
 */
export async function decide(verdict, { bundle, grants, now }) {
  const { event } = bundle;
  const stated = verdict.statement;
  const answer = (kind, reason, more = {}) => ({
    ...{ kind, reason, percent: 0, holders: [], achievement: stated?.achievementName ?? "", name: stated?.name ?? null },
    ...more,
  });
  if (verdict.outcome === "not_valid") return answer("not_valid", "not_valid");
  if (verdict.outcome === "unknown") {
    return answer("ask_the_lead", event.unknown === "hold_for_a_person" ? "held_for_a_person" : "could_not_tell");
  }
  if (now < parse(event.opens)) return answer("ask_the_lead", "not_open_yet");
  if (now >= parse(event.closes)) return answer("ask_the_lead", "closed");
  const entry = bestEntry(stated, event);
  if (entry === null) return answer("no_discount", "not_accepted_here");
  if (!entry.foreign && (stated.term ?? "").split("/")[0] !== event.period.starts) return answer("no_discount", "other_period");
  if (entry.percent === 0) return answer("no_discount", "nothing_to_redeem");
  const references = entry.foreign && stated.subject !== null ? [...stated.references, stated.subject] : stated.references;
  if (references.length === 0) return answer("ask_the_lead", "no_holder");
  const holders = await hashed([...new Set(references)], { bundle, issuer: entry.issuer });
  const accepted = { percent: entry.percent, holders, issuer: entry.issuer, achievementId: entry.achievement };
  const day = holders.map((holder) => bundle.claims.days[holder]).find((found) => found !== undefined);
  if (day !== undefined) return answer("ticket_queue", "already_redeemed", { ...accepted, day });
  const grant = grants.find((each) => each.holders.some((holder) => holders.includes(holder)));
  if (grant !== undefined) return answer("ticket_queue", "already_redeemed", { ...accepted, grant });
  const proof = proofAtDesk(event.proof_at_desk, { hasName: stated.name !== null, hasAddress: stated.hashedAddresses.length > 0 });
  if (proof === null) return answer("registration_page", nothingToCompare(event.proof_at_desk), accepted);
  return answer("grant", "granted", { ...accepted, foreign: entry.foreign, proof });
}

function nothingToCompare(listed) {
  if (listed.includes("name_against_id")) return "no_name_in_badge";
  return listed.includes("mail_against_order") ? "no_address_in_badge" : "proof_not_accepted_here";
}

function bestEntry(stated, event) {
  const entries = [
    ...event.accept.map((entry) => ({ ...entry, foreign: false })),
    ...event.foreign.map((entry) => ({ ...entry, foreign: true })),
  ];
  const found = entries.filter((entry) => entry.issuer === stated.issuer && entry.achievement === stated.achievement);
  return found.reduce((best, entry) => (best === null || entry.percent > best.percent ? entry : best), null);
}

async function hashed(references, { bundle, issuer }) {
  const { id: event, entitlement } = bundle.event;
  const salt = fromBase64url(bundle.claims.salt);
  const hashes = references.map((reference) => holderHash({ salt, event, entitlement, issuer, reference }));
  return (await Promise.all(hashes)).sort();
}
