/* The trust bundle: taken in or refused with one sentence, and opened into what `verify` rests on. */

import { fromBase64url, utf8 } from "../../../keys/browser/bytes.js";
import { readDictionary } from "../../../keys/browser/badge-code.js";
import { parse } from "../../../keys/browser/timestamps.js";
import { digestOfPayload, fingerprint, readSigned, unverified } from "./signed.js";

const AHEAD = 5 * 60_000;

/** A bundle that is not taken in; `code` says why, for the words of the page. */
export class BundleError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** `{bundle, trust, hash}` of a bundle's token.
 *
 * `pin`: the fingerprint of the key that this desk was enrolled with; `event`: this desk's event; `seen`: what was
 * taken in last, `{version, hash}` or null; `now` in milliseconds. BundleError where it is refused. `kept`: one that
 * was taken in before is opened whatever the clock says now: `standing` tells.
 */
export async function open(token, { pin, event, seen = null, now, kept = false }) {
  const hash = await digestOfPayload(token);
  const bundle = await verified(token, pin);
  if (bundle.layout !== 1) throw new BundleError("layout", "This page is too old for this bundle.");
  if (bundle.event.id !== event) throw new BundleError("event", `The bundle is of the event ${bundle.event.id}.`);
  if (seen !== null && (bundle.version < seen.version || (bundle.version === seen.version && hash !== seen.hash))) {
    throw new BundleError("older", `The bundle has version ${bundle.version}; this desk has seen ${seen.version}.`);
  }
  if (!kept && parse(bundle.as_of) > now + AHEAD) throw new BundleError("ahead", "The bundle is from the future, or this clock is wrong.");
  if (!kept && parse(bundle.expires) <= now) throw new BundleError("expired", "The bundle has expired.");
  return { bundle, hash, trust: await opened(bundle) };
}

/** How the bundle stands at a moment: `usable`, `expired`, or `clock` where the clock runs before the bundle. */
export function standing(bundle, now) {
  if (now < parse(bundle.as_of) - AHEAD) return "clock";
  return now >= parse(bundle.expires) ? "expired" : "usable";
}

async function verified(token, pin) {
  try {
    const { jwk } = unverified(token).claims.made_by;
    if ((await fingerprint(jwk)) !== pin) throw new BundleError("key", "The bundle is signed by another key than this desk knows.");
    return await readSigned(token, { jwk, typ: "desk-bundle+jwt" });
  } catch (error) {
    if (error instanceof BundleError) throw error;
    throw new BundleError("signature", "This is no sound bundle: its signature does not fit.");
  }
}

async function opened(bundle) {
  const dictionaries = new Map();
  for (const text of Object.values(bundle.dictionaries)) {
    const dictionary = await readDictionary(fromBase64url(text));
    dictionaries.set(dictionary.id, dictionary);
  }
  const absent = Object.entries(bundle.absent).map(([address, reason]) => [address, { absent: reason }]);
  const published = (documents) =>
    new Map([
      ...absent,
      ...Object.entries(documents).map(([address, { body, fetched_at: at }]) => [
        address,
        { body: utf8(body), fetchedAt: parse(at), vouched: true }, // the office checked what it signed for
      ]),
    ]);
  return {
    didDocuments: published(bundle.did_documents),
    statusLists: published(bundle.status_lists),
    dictionaries,
    statusAgeLimit: bundle.event.status_age_limit * 1000,
    ttlCounts: bundle.event.heed_ttl,
  };
}
