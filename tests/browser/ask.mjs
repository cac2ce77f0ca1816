/* The browser's modules, asked by tests in Python: one question a line on standard input, one answer a line out.
 *
 * {"verify": {"token" | "text", "trust", "now"}} -> the state of every check that was made, the outcome and what
 * the badge says; {"read_json": text}, {"read_time": text}, {"read_code": text} and {"read_base64url": text} -> a
 * value, or {"refused": sentence}; and the same of what desks exchange. `twin.py` asks.
 */

import { createInterface } from "node:readline";

import { readDictionary, readText } from "../../keys/browser/badge-code.js";
import { FormatError, fromBase64url, toHex, utf8 } from "../../keys/browser/bytes.js";
import { isAddressOf } from "../../keys/browser/content.js";
import { StrictJsonError, readObject } from "../../keys/browser/strict-json.js";
import { TimestampError, parse } from "../../keys/browser/timestamps.js";
import { readBadge, verify } from "../../keys/browser/verify.js";
import { BundleError, open } from "../../verifier/desk/app/bundle.js";
import { decide } from "../../verifier/desk/app/decide.js";
import { AT_THE_OFFICE, advance } from "../../verifier/desk/app/epochs.js";
import { proofAtDesk, provisionalLeft, ringNow, standingGrants } from "../../verifier/desk/app/rings.js";
import { Collector, split } from "../../verifier/desk/app/series.js";
import { holderHash } from "../../verifier/desk/app/signed.js";

/* As a browser before 2025 that knows no Ed25519. */
if (process.argv.includes("--without-ed25519")) {
  const importKey = crypto.subtle.importKey.bind(crypto.subtle);
  crypto.subtle.importKey = async (format, key, how, ...rest) => {
    if (how.name === "Ed25519") throw new DOMException("Unrecognized name.", "NotSupportedError");
    return importKey(format, key, how, ...rest);
  };
}

const ANSWERS = {
  verify: told,
  read_json: (text) => readObject(text),
  read_time: (text) => parse(text),
  read_code: (text) => toHex(readText(text)),
  read_base64url: (text) => toHex(fromBase64url(text)),
  open_bundle: async ({ token, now, ...how }) => (await open(token, { ...how, now: parse(now) })).bundle.version,
  decide: decided,
  holder: ({ salt, ...parts }) => holderHash({ salt: fromBase64url(salt), ...parts }),
  split: ({ tokens, prefix }) => split(tokens, prefix),
  collect: collected,
  ring: ringOf,
  standing,
  proof: ({ listed, ...carried }) => proofAtDesk(listed, carried),
  address: ({ typed, identities }) => isAddressOf(typed, identities),
  advance: async ({ tokens, event, keys }) => {
    const { epoch, holder, disputed } = await advance(AT_THE_OFFICE, tokens, { event, keys });
    return { epoch, holder: disputed ? "" : holder };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [[question, given]] = Object.entries(JSON.parse(line));
  process.stdout.write(`${JSON.stringify(await answered(question, given))}\n`);
}

async function answered(question, given) {
  try {
    return { answer: await ANSWERS[question](given) };
  } catch (error) {
    if ([FormatError, StrictJsonError, TimestampError, BundleError].some((kind) => error instanceof kind)) {
      return { refused: error.message, code: error.code };
    }
    throw error;
  }
}

async function told(given) {
  const trust = {
    didDocuments: published(given.trust.did_documents),
    statusLists: published(given.trust.status_lists),
    dictionaries: new Map(),
    statusAgeLimit: 3_600_000,
  };
  for (const text of given.trust.dictionaries) {
    const dictionary = await readDictionary(fromBase64url(text));
    trust.dictionaries.set(dictionary.id, dictionary);
  }
  const badge = given.token === undefined ? readBadge(given.text) : { token: given.token };
  const { checks, outcome, statement } = await verify(badge, { trust, now: parse(given.now) });
  const made = checks.filter((check) => check.made);
  const states = Object.fromEntries(made.map((check) => [check.id, check.state]));
  const evidence = Object.fromEntries(made.map((check) => [check.id, check.evidence]));
  return { states, evidence, outcome, statement };
}

async function ringOf({ tokens, event, keys, reached, office }) {
  const epoch = await advance(AT_THE_OFFICE, tokens, { event, keys });
  return ringNow({ epoch, reached, office });
}

/* What stands in journals, as [desk, request], and how many may still be given. */
function standing({ entries, own, provisional }) {
  const grants = standingGrants(entries).map((entry) => [entry.desk, entry.request_id]);
  return { grants, left: provisionalLeft({ event: { provisional } }, own) };
}

async function decided({ token, pin, event, badge, now, grants }) {
  const moment = parse(now);
  const { bundle, trust } = await open(token, { pin, event, now: moment });
  const verdict = await verify(readBadge(badge), { trust, now: moment });
  const { kind, reason, percent, name, holders, day, proof } = await decide(verdict, { bundle, grants, now: moment });
  return { kind, reason, percent, name, holders, day, proof, outcome: verdict.outcome };
}

async function collected(texts) {
  const collector = new Collector();
  let state = null;
  for (const text of texts) state = await collector.add(text);
  return { missing: state.missing, tokens: state.tokens };
}

function published(documents) {
  const entries = Object.entries(documents).map(([address, { body, fetched_at: at, absent }]) => [
    address,
    absent === undefined ? { body: utf8(body), fetchedAt: parse(at) } : { absent },
  ]);
  return new Map(entries);
}
