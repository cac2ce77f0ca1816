/* Who decides about the event from now on: signed statements, each naming the one before (docs/desk-formats.md).
 *
 * A desk keeps the newest that it can check and asks only whom it names, and never a holder of an older one again.
 */

import { fingerprint, hashOf, readSigned, unverified } from "./signed.js";

/** The office decides as long as nobody said otherwise. */
export const AT_THE_OFFICE = { epoch: 0, hash: null, holder: "online", jwk: null, url: null, disputed: false };

/** The newest state that these statements lead to, from `known` on; what cannot be checked is left out.
 *
 * `keys`: `{epochJwk, desks}` of the bundle. Where two statements have one number, `disputed` is true: nobody is
 * asked until a further one names the one that it follows.
 */
export async function advance(known, tokens, { event, keys }) {
  const read = [];
  for (const token of tokens) {
    const claims = await claimsOf(token, event);
    if (claims !== null && claims.epoch > 0) read.push({ token, claims, hash: await hashOf(token) });
  }
  read.sort((one, other) => one.claims.epoch - other.claims.epoch);
  let state = known;
  for (const { token, claims, hash } of read) {
    if (claims.epoch < state.epoch || hash === state.hash) continue;
    if (claims.epoch === state.epoch) {
      const alternatives = [...(state.alternatives ?? []), { ...next(claims, hash), before: state.before }];
      if ((await signer(token, claims, state.before ?? AT_THE_OFFICE, keys)) && claims.previous === (state.before?.hash ?? null)) {
        state = { ...state, disputed: true, alternatives };
      }
      continue;
    }
    const follows = [state, ...(state.alternatives ?? [])].find((each) => claims.previous === each.hash);
    if (follows === undefined || claims.epoch !== follows.epoch + 1) continue;
    if (await signer(token, claims, follows, keys)) state = { ...next(claims, hash), before: bare(follows) };
  }
  return state;
}

/** A statement that gives the event to somebody, as a lead's desk signs it after a hub died. */
export async function takeover(state, { event, holder, at, reason }) {
  const given = holder === null ? { holder: "online" } : { holder: await fingerprint(holder.jwk), jwk: holder.jwk, url: holder.url };
  return { layout: 1, event, at, epoch: state.epoch + 1, previous: state.hash, ...given, reason };
}

/* Whether one who may do so signed it. */
async function signer(token, claims, before, { epochJwk, desks }) {
  const { kid } = unverified(token);
  const lead = desks.find((desk) => desk.id === kid && desk.state === "active" && desk.rights.includes("lead"));
  const isTakeover = before.holder !== "online";
  const handsBack = isTakeover && claims.holder === "online" && kid === before.holder;
  const jwk = handsBack ? before.jwk : isTakeover && lead !== undefined ? lead.jwk : epochJwk;
  return readSigned(token, { jwk, typ: "desk-epoch+jwt" }).then(() => true, () => false);
}

/* What a statement says, if it is whole: about this event, and with the very key of the hub that it names. */
async function claimsOf(token, event) {
  try {
    const { claims } = unverified(token);
    const isOnline = claims.holder === "online" && !claims.jwk;
    if (!isOnline && claims.holder !== (await fingerprint(claims.jwk))) return null;
    return claims.layout === 1 && claims.event === event && Number.isInteger(claims.epoch) ? claims : null;
  } catch {
    return null;
  }
}

const next = ({ epoch, holder, jwk = null, url = null }, hash) => ({ epoch, hash, holder, jwk, url, disputed: false });
const bare = ({ epoch, hash, holder, jwk, url }) => ({ epoch, hash, holder, jwk, url, disputed: false });
