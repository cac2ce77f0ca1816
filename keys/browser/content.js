/* What a badge says, read by a closed table: the twin of `verifier.verification.content` for badges that fit a code.
 *
 * The server expands a badge's words with the standards' contexts; here every member that is passed stands in the
 * table below. A member that breaks its rule is wrong, for both. A member, type or context that the table does not
 * know is strange: this page cannot tell what it means and says so, and a server may well know it.
 */

import { sha256, toHex, utf8 } from "./bytes.js";
import { has, isObject } from "./strict-json.js";
import { TimestampError, parse } from "./timestamps.js";

const VC2 = "https://www.w3.org/ns/credentials/v2";
const VC1 = "https://www.w3.org/2018/credentials/v1";
const OB_CONTEXT = /^https:\/\/purl\.imsglobal\.org\/spec\/ob\/v3p0\/context(-3\.\d\.\d)*\.json$/;
const PUBLISHED_CONTEXTS = /^https:\/\/(www\.w3\.org\/|purl\.imsglobal\.org\/|w3id\.org\/)/; // digests the server knows
const FURTHER_CONTEXTS = [
  "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
  "https://w3id.org/security/data-integrity/v1",
  "https://w3id.org/security/data-integrity/v2",
  "https://w3id.org/security/suites/ed25519-2020/v1",
];
const MAX_URL_CHARACTERS = 2000;
const BADGE_TYPES = ["OpenBadgeCredential", "AchievementCredential"];
const URL_PART = String.raw`(?:[^\x00-\x20"#%<>\\^\x60{|}\x7f-\xa0]|%[0-9A-Fa-f]{2})`;
const URL = new RegExp(String.raw`^[A-Za-z][A-Za-z0-9+.-]*:${URL_PART}+(?:#${URL_PART}*)?$`, "u");
const WEB_URL_WITHOUT_HOST = /^https?:(?!\/\/[^/?#])/i;
const PLAIN_URL = /^(?:https?:\/\/[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?#]|$)|urn:uuid:[0-9a-fA-F-]+$|did:[a-z0-9]+:)/;
const SAFE_CHARACTERS = /^[!$-;=?-Z_a-z~%#]*$/; // of an IRI that every reader takes as it is

/* kind -> what is wrong with a value, or null; `strange` is called with what only a server can tell. */
const KINDS = {
  text: (value) => (typeof value === "string" ? null : "a text was expected"),
  url: (value, strange) => {
    if (typeof value !== "string" || !URL.test(value) || WEB_URL_WITHOUT_HOST.test(value)) return "an absolute URL was expected";
    if (value.length > MAX_URL_CHARACTERS) return "the URL is too long";
    if (!PLAIN_URL.test(value) || !SAFE_CHARACTERS.test(value)) strange("an address of an unusual form");
    return null;
  },
  address: (value, strange) => {
    if (typeof value !== "string" || !/^[A-Za-z][A-Za-z0-9+.-]*:[^?#]/.test(value)) return "an absolute URL was expected";
    if (KINDS.url(value, strange) !== null) strange("an address of an unusual form");
    return value.length > MAX_URL_CHARACTERS ? "the URL is too long" : null;
  },
  time: (value) => {
    try {
      parse(value);
      return null;
    } catch (error) {
      if (!(error instanceof TimestampError)) throw error;
      return "a date and time with a zone was expected";
    }
  },
  boolean: (value) => (typeof value === "boolean" ? null : "true or false was expected"),
  index: (value, strange) => {
    if (typeof value === "boolean") strange("an index of another type");
    return ["string", "boolean"].includes(typeof value) || Number.isInteger(value) ? null : "a text or a number was expected";
  },
};

const one = (...types) => ({ kind: "types", types });
const list = (of) => ({ kind: "list", of });

const IMAGE = { members: { id: "url", type: "imageType", caption: "text" }, required: ["id"] };
const CRITERIA = { members: { id: "address", narrative: "text" }, required: [], someOf: ["id", "narrative"] };
const IDENTITY = {
  members: { type: "identityType", hashed: "boolean", identityHash: "text", identityType: "text", salt: "text" },
  required: ["type", "hashed", "identityHash", "identityType"],
  closed: true,
};
const ACHIEVEMENT = {
  members: {
    id: "address",
    type: one("Achievement"),
    name: "text",
    description: "text",
    criteria: CRITERIA,
    achievementType: "text",
    image: IMAGE,
    version: "text",
    humanCode: "text",
    tag: list("text"),
  },
  required: ["id", "type", "name", "description", "criteria"],
};
const SUBJECT = {
  members: {
    id: "url",
    type: one("AchievementSubject"),
    achievement: ACHIEVEMENT,
    identifier: list(IDENTITY),
    narrative: "text",
    term: "text",
  },
  required: ["type", "achievement"],
  someOf: ["id", "identifier"],
};
const PROFILE = {
  members: { id: "url", type: one("Profile"), name: "text", url: "address", email: "text", description: "text", image: "picture" },
  required: ["id", "type"],
};
const STATUS = {
  members: {
    id: "url",
    type: "statusType",
    statusPurpose: "text",
    statusListIndex: "index",
    statusListCredential: "listAddress",
  },
  required: ["type"],
};
const RESOURCE = {
  members: { id: "url", digestSRI: "text", digestMultibase: "text", mediaType: "text" },
  required: ["id"],
  someOf: ["digestSRI", "digestMultibase"],
};
const EVIDENCE = {
  members: { id: "url", type: one("Evidence"), name: "text", narrative: "text", description: "text", genre: "text" },
  required: ["type"],
};
const CREDENTIAL = {
  members: {
    "@context": "context",
    id: "url",
    type: one("VerifiableCredential", ...BADGE_TYPES),
    name: "text",
    description: "text",
    image: "picture",
    issuer: "party",
    validFrom: "time",
    validUntil: "time",
    awardedDate: "time",
    credentialSubject: SUBJECT,
    credentialStatus: list(STATUS),
    relatedResource: list(RESOURCE),
    evidence: list(EVIDENCE),
  },
  required: ["id", "type", "issuer", "validFrom", "credentialSubject"],
};

Object.assign(KINDS, {
  picture: (value, strange) => {
    if (lookAt(value, IMAGE, strange, "") !== null) strange("a picture of another form");
    return null; // of no consequence for what the badge says
  },
  listAddress: (value, strange) => {
    if (KINDS.url(value, strange) !== null) strange("an address of an unusual form");
    return typeof value === "string" ? null : "a text was expected";
  },
  imageType: (value, strange) => {
    if (value !== "Image") strange("an image of another type");
    return typeof value === "string" ? null : "a text was expected";
  },
  identityType: (value) => (value === "IdentityObject" ? null : "IdentityObject was expected"),
  statusType: (value, strange) => {
    if (value !== "BitstringStatusListEntry") strange("a status of another type");
    return typeof value === "string" && value !== "" ? null : "a text was expected";
  },
  party: (value, strange, at) => (isObject(value) ? lookAt(value, PROFILE, strange, at) : KINDS.url(value, strange)),
  context: () => null,
});

/** `{wrong, strange}` of a credential's document: one sentence each, or null. */
export function look(document) {
  const found = [];
  const contexts = contextProblem(document, (what) => found.push(what));
  if (contexts === MISSING) return { wrong: "@context is missing or empty.", strange: null, context: null };
  const inside = lookAt(withoutVc(document), CREDENTIAL, (what) => found.push(what), "");
  const wrong = inside ?? orderProblem(document) ?? typeProblem(document) ?? resourceProblem(document, found);
  return { wrong, strange: found[0] ?? null, context: contexts };
}

/** What a sound document says of itself, times in milliseconds since 1970. */
export function outline(document) {
  const subject = document.credentialSubject;
  return {
    id: document.id,
    issuer: issuerOf(document),
    subject: typeof subject.id === "string" ? subject.id : null,
    validFrom: parse(document.validFrom),
    validUntil: has(document, "validUntil") ? parse(document.validUntil) : null,
    status: listed(document.credentialStatus),
  };
}

/** What an authentic badge says, for display and for the desk: never a sign that it is in time or stands. */
export function statement(document) {
  const { credentialSubject: subject, issuer } = document;
  const identities = listed(subject.identifier);
  const plain = (type) => identities.filter((each) => each.identityType === type && !each.hashed);
  return {
    issuer: issuerOf(document),
    issuerName: isObject(issuer) ? (issuer.name ?? null) : null,
    achievement: subject.achievement.id,
    achievementName: subject.achievement.name,
    name: plain("name")[0]?.identityHash ?? null,
    subject: subject.id ?? null,
    references: [...new Set(plain("systemId").map((each) => each.identityHash))].filter((text) => text.startsWith("urn:uuid:")).sort(),
    hashedAddresses: identities.filter((each) => each.identityType === "emailAddress" && each.hashed),
    term: subject.term ?? null,
    validFrom: parse(document.validFrom),
    validUntil: has(document, "validUntil") ? parse(document.validUntil) : null,
  };
}

/** Whether a mail address that somebody typed is one of these identities, hashed as `schemas.identity` does; it is kept
 * nowhere.
 */
export async function isAddressOf(typed, identities) {
  const address = typed.trim().toLowerCase();
  const matching = identities.map(async ({ identityHash, salt }) => {
    const hash = `sha256$${toHex(await sha256(utf8(address + (salt ?? ""))))}`;
    return hash === identityHash.toLowerCase();
  });
  return address !== "" && (await Promise.all(matching)).includes(true);
}

/** The issuer's id, whether given as a text or as a profile; "" if there is none. */
export function issuerOf(document) {
  const named = isObject(document.issuer) ? document.issuer.id : document.issuer;
  return typeof named === "string" ? named : "";
}

/** Whether a document follows VCDM 1.1, which only a server reads. */
export const isOlder = (document) => listed(document["@context"])[0] === VC1;

const MISSING = Symbol("missing");

function contextProblem(document, strange) {
  const contexts = document["@context"];
  const first = Array.isArray(contexts) ? contexts[0] : contexts;
  if (first !== VC2 && first !== VC1) return MISSING;
  if (first === VC1) strange("a credential of the older data model");
  if (!Array.isArray(contexts) || contexts.length < 2 || typeof contexts[1] !== "string" || !OB_CONTEXT.test(contexts[1])) {
    return "@context does not begin with the W3C and Open Badges contexts.";
  }
  if (!contexts.slice(2).every((each) => FURTHER_CONTEXTS.includes(each))) return "@context holds one that is not known here.";
  if (contexts.length > 2) strange("a further context");
  if (contexts[1].length > OB_LONGEST) strange("a context of another version");
  if (contextInside(document)) return "A part of the badge brings an @context of its own.";
  return null;
}

const OB_LONGEST = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json".length;

function contextInside(document) {
  const inside = (value) =>
    Array.isArray(value)
      ? value.some(inside)
      : isObject(value) &&
        (has(value, "@context") || Object.entries(value).some(([name, item]) => name !== "endorsement" && inside(item)));
  return Object.entries(document).some(([name, value]) => !["@context", "endorsement"].includes(name) && inside(value));
}

function lookAt(value, shape, strange, at) {
  if (typeof shape === "string") return said(KINDS[shape](value, strange, at), at);
  if (shape.kind === "types") return said(typesProblem(value, shape.types, strange), at);
  if (shape.kind === "list") return listProblem(value, shape.of, strange, at);
  if (!isObject(value)) return `${at} is no object.`;
  const missing = shape.required.find((name) => !has(value, name));
  if (missing !== undefined) return `${at}${missing} is missing.`;
  if (shape.someOf && !shape.someOf.some((name) => has(value, name) && !isEmpty(value[name]))) {
    return `${at}${shape.someOf.join(" or ")} must be present.`;
  }
  for (const [name, inner] of Object.entries(value)) {
    if (!has(shape.members, name)) {
      if (shape.closed) return `${at}${name} is not known there.`;
      strange(`the member ${name.slice(0, 40)}`);
    } else if (inner === null && !shape.required.includes(name)) {
      strange("a member that is null");
    } else {
      const wrong = lookAt(inner, shape.members[name], strange, `${at}${name}${isObject(inner) ? "." : ""}`);
      if (wrong !== null) return wrong;
    }
  }
  return null;
}

function listProblem(value, of, strange, at) {
  if (Array.isArray(value) && value.length === 0) {
    strange("an empty list");
    return null;
  }
  for (const item of listed(value)) {
    const wrong = lookAt(item, of, strange, isObject(item) ? `${at}.` : at);
    if (wrong !== null) return wrong;
  }
  return null;
}

function typesProblem(value, known, strange) {
  const types = listed(value);
  if (types.length === 0 || !types.every((type) => typeof type === "string" && type !== "")) return "a type was expected";
  if (!types.every((type) => known.includes(type)) || new Set(types).size !== types.length) strange("a further type");
  return null;
}

function typeProblem(document) {
  const types = listed(document.type);
  const isBadge = types.includes("VerifiableCredential") && BADGE_TYPES.some((type) => types.includes(type));
  if (!isBadge) return "type must contain VerifiableCredential and OpenBadgeCredential.";
  const about = listed(document.credentialSubject.type).includes("AchievementSubject");
  return about ? null : "credentialSubject.type must contain AchievementSubject.";
}

function orderProblem(document) {
  if (!has(document, "validUntil") || document.validUntil === null) return null;
  return parse(document.validUntil) < parse(document.validFrom) ? "validUntil is before validFrom." : null;
}

function resourceProblem(document, found) {
  const ids = listed(document.relatedResource).map((entry) => entry.id);
  if (ids.some((id) => PUBLISHED_CONTEXTS.test(id))) found.push("a digest of a context");
  return new Set(ids).size === ids.length ? null : "two related resources have the same id.";
}

/* A claim `vc` or `vp` is told by a check of its own. */
function withoutVc(document) {
  return Object.fromEntries(Object.entries(document).filter(([name]) => !["vc", "vp"].includes(name)));
}

const said = (problem, at) => (problem === null || problem.endsWith(".") ? problem : `${at}: ${problem}.`);
const isEmpty = (value) => value === null || (Array.isArray(value) && value.length === 0);
const listed = (value) => (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]);
