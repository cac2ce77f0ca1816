/* The browser's modules, asked by tests in Python: one question a line on standard input, one answer a line out.
 *
 * {"verify": {"token" | "text", "trust", "now"}} -> the state of every check that was made, the outcome and what
 * the badge says; {"read_json": text}, {"read_time": text}, {"read_code": text} and {"read_base64url": text} -> a
 * value, or {"refused": sentence}. `twin.py` asks.
 */

import { createInterface } from "node:readline";

import { readDictionary, readText } from "../../keys/browser/badge-code.js";
import { FormatError, fromBase64url, toHex, utf8 } from "../../keys/browser/bytes.js";
import { StrictJsonError, readObject } from "../../keys/browser/strict-json.js";
import { TimestampError, parse } from "../../keys/browser/timestamps.js";
import { readBadge, verify } from "../../keys/browser/verify.js";

const ANSWERS = {
  verify: told,
  read_json: (text) => readObject(text),
  read_time: (text) => parse(text),
  read_code: (text) => toHex(readText(text)),
  read_base64url: (text) => toHex(fromBase64url(text)),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [[question, given]] = Object.entries(JSON.parse(line));
  process.stdout.write(`${JSON.stringify(await answered(question, given))}\n`);
}

async function answered(question, given) {
  try {
    return { answer: await ANSWERS[question](given) };
  } catch (error) {
    if ([FormatError, StrictJsonError, TimestampError].some((kind) => error instanceof kind)) {
      return { refused: error.message };
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

function published(documents) {
  const entries = Object.entries(documents).map(([address, { body, fetched_at: at, absent }]) => [
    address,
    absent === undefined ? { body: utf8(body), fetchedAt: parse(at) } : { absent },
  ]);
  return new Map(entries);
}
