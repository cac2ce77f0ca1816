/* `verify(badge, trust, now)` in the browser: the twin of `verifier.verification.checks`, check by check.
 *
 * Both read the same vectors (tests/vectors) and agree on each. Whatever only a server can tell is unknown here,
 * never passed and never refused. Nothing is fetched, and no clock is read.
 */

import { FormatError } from "./bytes.js";
import { UnknownCodeError, readText, unpack } from "./badge-code.js";
import { isOlder, issuerOf, look, outline, statement } from "./content.js";
import { KeyFormatError, UnsupportedKeyError, didOfKeyId, holdsItsKey, impliedDocument, readDocument } from "./keys.js";
import { checkStatus } from "./status.js";
import { StrictJsonError, has, isObject, readObject } from "./strict-json.js";
import { TimestampError, fromNumericDate, show } from "./timestamps.js";
import { BADGE_TYPES, SUPPORTED, SignatureError, check as checkSignature, parse } from "./tokens.js";

const SKEW = 60_000;
const REGISTERED = ["iss", "sub", "jti", "nbf", "exp", "iat", "aud", "cnf"];

export const STORY = [
  ...["unpacking", "token", "header", "payload"],
  ...["key_owner", "issuer_document", "issuer_key", "signature"],
  ...["context", "data_model", "vc_claim"],
  ...["issuer_claim", "id_claim", "subject_claim", "valid_from_claim", "valid_until_claim"],
  ...["valid_from", "valid_until", "status"],
];

/** The badge in a text: `{packed}` of a code, or `{token}`; FormatError if it is neither. */
export function readBadge(text) {
  return text.startsWith("OB1:") || text.includes("#") ? { packed: readText(text) } : { token: text };
}

/** All that can be said about one badge at one moment, resting on `trust` alone; never throws for a bad badge.
 *
 * `badge`: `{token}` or `{packed}`; `trust`: `{didDocuments, statusLists, dictionaries, statusAgeLimit, ttlCounts}`,
 * Maps of `{body, fetchedAt}` or `{absent}`; `now` in milliseconds since 1970.
 * The answer: `{outcome, checks, deciding, said, statement, token}`; each check `{id, state, made, evidence, age, lasting}`.
 */
export async function verify(badge, { trust, now }) {
  const told = new Told(badge.packed === undefined ? STORY.slice(1) : STORY);
  let { token } = badge;
  if (badge.packed !== undefined) {
    const unpacked = checkUnpacking(badge.packed, trust);
    if (!told.passed(unpacked)) return told.verdict();
    token = unpacked.token;
  }
  const taken = checkToken(token);
  if (!told.passed(taken)) return told.verdict();
  const { parsed } = taken;
  const read = checkPayload(parsed);
  if (!told.passed(checkHeader(parsed.header)) || !told.passed(read)) return told.verdict();

  const { claims, content } = read;
  const issuer = issuerOf(content);
  const kid = parsed.header.kid ?? "";
  if (!told.passed(checkKeyOwner(kid, issuer))) return told.verdict();
  const found = checkIssuerDocument(issuer, { trust, now });
  if (!told.passed(found)) return told.verdict();
  const { document } = found;
  if (!told.passed(checkIssuerKey(kid, document))) return told.verdict();
  if (!told.passed(await checkTheSignature(parsed, document.keys.get(kid)))) return told.verdict();

  const looked = look(content);
  const readable = told.passed(checkDataModel(looked, claims));
  told.passed(checkContext(looked), checkVcClaim(claims));
  if (!readable) return told.verdict();
  const said = outline(content);
  const bounds = bounded(said, claims);
  told.passed(
    checkEqual("issuer_claim", "iss", claims, said.issuer),
    checkEqual("id_claim", "jti", claims, said.id),
    checkEqual("subject_claim", "sub", claims, said.subject),
    checkMoment("valid_from_claim", "nbf", claims, said.validFrom),
    checkMoment("valid_until_claim", "exp", claims, said.validUntil),
    checkValidFrom(bounds, now),
    checkValidUntil(bounds, now),
    { id: "status", ...(await checkStatus(said, { document, trust, now })) },
  );
  return told.verdict({ said, statement: statement(content), token });
}

/* The checks of one story that were told so far; what was not looked at is unknown and says so. */
class Told {
  constructor(story) {
    this.story = story;
    this.checks = new Map();
  }

  passed(...made) {
    for (const check of made) {
      const { id, state, evidence = "", age = null, lasting = true } = check;
      this.checks.set(id, { id, state, evidence, age, lasting, made: true });
    }
    return made.every((check) => check.state === "pass");
  }

  verdict({ said = null, statement: stated = null, token = null } = {}) {
    const unmade = (id) => ({ id, state: "unknown", evidence: "", age: null, lasting: true, made: false });
    const checks = this.story.map((id) => this.checks.get(id) ?? unmade(id));
    const failed = checks.find((check) => check.state === "fail");
    const deciding = failed ?? checks.find((check) => check.state === "unknown") ?? null;
    const outcome = failed ? "not_valid" : deciding || said === null ? "unknown" : "valid";
    return { outcome, checks, deciding, said, statement: stated, token };
  }
}

function checkUnpacking(packed, trust) {
  const id = "unpacking";
  try {
    return { id, state: "pass", token: unpack(packed, trust.dictionaries) };
  } catch (error) {
    if (error instanceof UnknownCodeError) return { id, state: "unknown", evidence: error.message };
    if (error instanceof FormatError) return { id, state: "fail", evidence: error.message };
    throw error;
  }
}

function checkToken(token) {
  return tried("token", () => ({ parsed: parse(token) }));
}

function checkHeader({ alg, kid, typ }) {
  return tried("header", () => {
    if (typ !== null && !BADGE_TYPES.includes(typ)) throw new SignatureError("vc+jwt was expected.");
    if (!SUPPORTED.includes(alg)) throw new SignatureError("This alg is not accepted.");
    didOfKeyId(kid ?? "");
    return { evidence: `alg ${alg}, kid ${kid}` };
  });
}

function checkPayload(parsed) {
  return tried("payload", () => {
    const claims = readObject(parsed.payload);
    const content = documentOf(claims);
    if (issuerOf(content) === "") throw new SignatureError("The payload names no issuer.");
    return { claims, content };
  });
}

function checkKeyOwner(kid, issuer) {
  return tried("key_owner", () => {
    if (didOfKeyId(kid) !== issuer) throw new SignatureError("The key is of somebody else than the issuer.");
    return { evidence: issuer };
  });
}

function checkIssuerDocument(issuer, { trust, now }) {
  const id = "issuer_document";
  if (holdsItsKey(issuer)) {
    try {
      return { id, state: "pass", document: impliedDocument(issuer), evidence: "The DID holds its key." };
    } catch (error) {
      if (error instanceof KeyFormatError) return { id, state: "unknown", evidence: error.message };
      throw error;
    }
  }
  const published = trust.didDocuments.get(issuer);
  if (published === undefined || published.absent !== undefined) {
    return { id, state: "unknown", evidence: published?.absent ?? `The keys of ${issuer} are not at hand.` };
  }
  const age = Math.max(now - published.fetchedAt, 0);
  return tried(id, () => {
    published.document ??= readDocument(published.body, issuer);
    return { document: published.document, evidence: issuer, age };
  });
}

function checkIssuerKey(kid, document) {
  const listed = document.keys.has(kid);
  const evidence = listed ? kid : `${kid} is not listed by ${document.id}.`;
  return { id: "issuer_key", state: listed ? "pass" : "fail", evidence };
}

async function checkTheSignature(parsed, key) {
  const id = "signature";
  try {
    await checkSignature(parsed, key);
    return { id, state: "pass" };
  } catch (error) {
    if (error instanceof SignatureError) return { id, state: "fail", evidence: error.message };
    if (error instanceof UnsupportedKeyError) return { id, state: "unknown", evidence: error.message };
    throw error;
  }
}

function checkDataModel(looked, claims) {
  const id = "data_model";
  if (isObject(claims.vc) && isOlder(claims.vc)) return { id, state: "unknown", evidence: "An older data model." };
  if (looked.wrong !== null) return { id, state: "fail", evidence: looked.wrong };
  return { id, state: "pass" };
}

function checkContext(looked) {
  const id = "context";
  if (looked.context !== null) return { id, state: "fail", evidence: looked.context };
  if (looked.strange !== null) return { id, state: "unknown", evidence: `Not known to this page: ${looked.strange}.` };
  return { id, state: "pass" };
}

function checkVcClaim(claims) {
  const id = "vc_claim";
  const beside = ["vp", "@context", "credentialSubject"].some((name) => has(claims, name));
  if (isObject(claims.vc) && isOlder(claims.vc) && !beside) return { id, state: "pass" };
  const found = ["vc", "vp"].find((name) => has(claims, name));
  if (found !== undefined) return { id, state: "fail", evidence: `There is a ${found} claim.` };
  return { id, state: isOlder(claims) ? "fail" : "pass" };
}

function checkEqual(id, claim, claims, expected) {
  const same = expected !== null && claims[claim] === expected;
  return { id, state: same ? "pass" : "fail", evidence: same ? "" : `${claim} says otherwise than the badge.` };
}

function checkMoment(id, claim, claims, expected) {
  if (!has(claims, claim) && expected === null) return { id, state: "pass" };
  return tried(id, () => {
    const moment = fromNumericDate(claims[claim]);
    if (expected === null || Math.abs(moment - expected) >= 1000) {
      throw new SignatureError(`${claim} is ${show(moment)}, the badge says otherwise.`);
    }
    return {};
  });
}

function checkValidFrom({ validFrom }, now) {
  const state = validFrom > now + SKEW ? "fail" : "pass";
  return { id: "valid_from", state, evidence: `from ${show(validFrom)}` };
}

function checkValidUntil({ validUntil }, now) {
  if (validUntil === null) return { id: "valid_until", state: "pass", evidence: "no end" };
  return { id: "valid_until", state: now > validUntil + SKEW ? "fail" : "pass", evidence: `until ${show(validUntil)}` };
}

/* The token's own end, where the badge sets none. */
function bounded(said, claims) {
  if (said.validUntil !== null || !has(claims, "exp")) return said;
  try {
    return { ...said, validUntil: fromNumericDate(claims.exp) };
  } catch (error) {
    if (error instanceof TimestampError) return said; // told by the check of that claim
    throw error;
  }
}

function documentOf(claims) {
  if (isObject(claims.vc) && isOlder(claims.vc)) return { ...claims.vc, issuer: claims.vc.issuer ?? claims.iss };
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !REGISTERED.includes(name)));
}

function tried(id, act) {
  try {
    return { id, state: "pass", ...act() };
  } catch (error) {
    const refused = [SignatureError, KeyFormatError, StrictJsonError, TimestampError, FormatError];
    if (refused.some((kind) => error instanceof kind)) return { id, state: "fail", evidence: error.message };
    throw error;
  }
}
