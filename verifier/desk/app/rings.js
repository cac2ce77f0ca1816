/* Which promise a desk can keep at this moment, and so what it may give. Pure; the twin of `verifier.desk.rings`.
 *
 * 0 the office decides and is reached: exact. 1 a hub decides and is reached: exact. 3 whoever decides cannot be
 * reached: provisional, a few, with the name typed from the ID. Nobody is asked but whom the newest epoch names.
 */

export const OFFICE = 0;
export const HUB = 1;
export const CUT_OFF = 3;

/** `{ring, ask}`: `ask` is the address of whoever decides, null where nobody may be asked.
 * `reached`: whether that one answered lately; `office`: the office's address, as the bundle names it.
 */
export function ringNow({ epoch, reached, office }) {
  const ask = epoch.disputed ? null : epoch.holder === "online" ? office : epoch.url;
  if (ask === null || !reached) return { ring: CUT_OFF, ask };
  return { ring: epoch.holder === "online" ? OFFICE : HUB, ask };
}

/** What a volunteer compares, of what the event takes and the badge carries: a name with an ID, else the address on the
 * order with its hash; null: nothing.
 */
export function proofAtDesk(listed, { hasName, hasAddress }) {
  if (hasName && listed.includes("name_against_id")) return "name_against_id";
  return hasAddress && listed.includes("mail_against_order") ? "mail_against_order" : null;
}

/** How many provisional grants this desk may still give. An undone one is one that was given: the cap stands for the
 * worst loss that the organiser agreed to. `entries`: the claims of this desk's own journal.
 */
export function provisionalLeft(bundle, entries) {
  const { provisional } = bundle.event;
  if (provisional === null) return 0;
  return Math.max(provisional.cap - entries.filter((entry) => entry.kind === "provisional").length, 0);
}

/** Whether a badge may be granted when cut off: a foreign one never, since only a hub counts them. */
export function mayGrantProvisionally(answer, left) {
  return left > 0 && !answer.foreign;
}

/** The grants that stand in journals: those that were not undone. `journals`: claims of entries, of any desks. */
export function standingGrants(journals) {
  const key = (desk, request) => `${desk} ${request}`;
  const undone = new Set(
    journals.filter((entry) => entry.kind === "undo").map((entry) => key(entry.of ?? entry.desk, entry.request_id)),
  );
  return journals.filter(
    (entry) => ["granted", "provisional", "override"].includes(entry.kind) && !undone.has(key(entry.desk, entry.request_id)),
  );
}
