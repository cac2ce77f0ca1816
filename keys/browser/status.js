/* Is a badge withdrawn? The twin of `verifier.verification.status`: whatever keeps us from a clear bit is unknown. */

import { FormatError, fromBase64url, fromUtf8 } from "./bytes.js";
import { KeyFormatError, UnsupportedKeyError, didOfKeyId } from "./keys.js";
import { StrictJsonError, has, isObject, readObject } from "./strict-json.js";
import { TimestampError, fromNumericDate, parse as parseTime, show } from "./timestamps.js";
import { SignatureError, check as checkSignature, parse } from "./tokens.js";
import { inflateSync } from "./vendor/fflate.js";

const SKEW = 60_000;
const MAX_ENTRIES = 4;
const MINIMUM_ENTRIES = 131_072;
const MAX_EXPANDED_BYTES = 1 << 20;
const WITHDRAWING = ["revocation", "suspension"];
const INDEX = /^(?:0|[1-9][0-9]{0,17})$/;

class UnusableListError extends Error {}

/** The check of all status entries, `{state, evidence, age, lasting}`.
 *
 * `trust.statusLists`: by url `{body, fetchedAt, vouched}` or `{absent}`; `vouched`: whoever signed the trust checked
 * the list's own signature. A list is opened once and kept with its bytes.
 */
export async function checkStatus(said, { document, trust, now }) {
  if (said.status.length === 0) return pass("The badge names no status list: its issuer cannot withdraw it.");
  if (said.status.length > MAX_ENTRIES) return unknown(`It has ${said.status.length} status entries.`);
  const answers = [];
  for (const entry of said.status) answers.push(await answer(entry, { document, trust, now }));
  for (const state of ["fail", "unknown"]) {
    const found = answers.filter((each) => each.state === state);
    if (found.length > 0) return found.find((each) => each.lasting) ?? found[0]; // withdrawn says more than suspended
  }
  return answers.reduce((oldest, each) => (each.age > oldest.age ? each : oldest));
}

async function answer(entry, { document, trust, now }) {
  const { type, statusPurpose: purpose, statusListCredential: url } = entry;
  if (type !== "BitstringStatusListEntry" || !WITHDRAWING.includes(purpose) || typeof url !== "string") {
    return unknown("The badge has a status of a kind that is not known here.");
  }
  const published = trust.statusLists.get(url);
  if (published === undefined || published.absent !== undefined) {
    return unknown(published === undefined ? `${url} is not at hand.` : published.absent);
  }
  try {
    return await looked(entry, published, { url, document, trust, now });
  } catch (error) {
    if (error instanceof UnusableListError) return unknown(`${url}: ${error.message}`);
    throw error;
  }
}

async function looked(entry, published, { url, document, trust, now }) {
  const { statusListIndex: index, statusPurpose: purpose } = entry;
  const oneBit = entry.statusSize === undefined || entry.statusSize === 1;
  if (!(typeof index === "string" || Number.isInteger(index)) || !oneBit) {
    throw new UnusableListError("The status entry lacks its index, or is not one bit.");
  }
  const list = await opened(published, { url, document });
  checkTime(list, now);
  if (!list.purposes.includes(purpose)) throw new UnusableListError("The list is for another purpose.");
  checkFresh(published, list, { trust, now });
  const set = isSet(list.bits, String(index));
  const evidence = `Entry ${index} (${purpose}) of ${url} is ${set ? "set" : "not set"}.`;
  const age = Math.max(now - (list.madeAt ?? published.fetchedAt), 0);
  return set ? { state: "fail", evidence, age, lasting: purpose !== "suspension" } : pass(evidence, age);
}

/* A list is opened once for the very bytes and the very document that it was checked with. */
async function opened(published, { url, document }) {
  if (published.opened?.document === document) return published.opened.list;
  const list = await openList(published.body, { url, document, vouched: published.vouched === true });
  published.opened = { document, list };
  return list;
}

async function openList(body, { url, document, vouched }) {
  try {
    const claims = await verifiedClaims(body, document, vouched);
    const { credentialSubject: subject } = claims;
    const issuer = isObject(claims.issuer) ? claims.issuer.id : claims.issuer;
    if (issuer !== document.id) throw new UnusableListError("The list is by another issuer than the badge.");
    if (claims.id !== url || (has(claims, "iss") && claims.iss !== document.id)) {
      throw new UnusableListError("The list is not the one that its address names.");
    }
    if (!texts(claims.type).includes("BitstringStatusListCredential") || !isObject(subject)) {
      throw new UnusableListError("The document is no list.");
    }
    if (!texts(subject.type).includes("BitstringStatusList") || typeof subject.encodedList !== "string") {
      throw new UnusableListError("The list's subject is no list of bits.");
    }
    const begins = [...times(claims, "validFrom", parseTime), ...times(claims, "nbf", fromNumericDate)];
    const ends = [...times(claims, "validUntil", parseTime), ...times(claims, "exp", fromNumericDate)];
    return {
      bits: bitsOf(subject.encodedList),
      purposes: texts(subject.statusPurpose),
      madeAt: begins.length > 0 ? Math.max(...begins) : null,
      validUntil: ends.length > 0 ? Math.min(...ends) : null,
      ttl: typeof subject.ttl === "number" && subject.ttl >= 0 && subject.ttl <= 1e12 ? subject.ttl : null,
    };
  } catch (error) {
    if ([StrictJsonError, KeyFormatError, SignatureError, TimestampError, FormatError].some((kind) => error instanceof kind)) {
      throw new UnusableListError(`The list cannot be used: ${error.message}`);
    }
    if (error instanceof UnsupportedKeyError) throw new UnusableListError(error.message);
    throw error;
  }
}

/* A list with its proof inside is read only where whoever signed the trust vouches that the proof was checked. */
async function verifiedClaims(body, document, vouched) {
  const text = fromUtf8(body).trim();
  if (text.startsWith("{") && vouched) return readObject(body, { maxBytes: MAX_EXPANDED_BYTES });
  if (text.startsWith("{")) throw new UnusableListError("The list is signed in a form that this page cannot check.");
  const parsed = parse(text);
  const kid = parsed.header.kid ?? "";
  if (didOfKeyId(kid) !== document.id) throw new UnusableListError("The list is signed with somebody else's key.");
  const key = document.keys.get(kid);
  if (key === undefined) throw new UnusableListError("The list is signed with a key that its issuer does not publish.");
  await checkSignature(parsed, key);
  return readObject(parsed.payload);
}

function checkTime(list, now) {
  if (list.madeAt !== null && list.madeAt > now + SKEW) {
    throw new UnusableListError(`The list is from the future: it was made ${show(list.madeAt)}.`);
  }
  if (list.validUntil !== null && list.validUntil < now - SKEW) {
    throw new UnusableListError(`The list was good until ${show(list.validUntil)} only.`);
  }
}

function checkFresh(published, list, { trust, now }) {
  const limit = trust.ttlCounts === false ? trust.statusAgeLimit : Math.min(list.ttl || trust.statusAgeLimit, trust.statusAgeLimit);
  const had = now - published.fetchedAt;
  if (had < -SKEW || had > limit + SKEW) {
    throw new UnusableListError(`The list was had at ${show(published.fetchedAt)}: that is stale.`);
  }
}

/* `u`, base64url, one GZIP member: its checksum and length stand at its end, so bytes after it are noticed. */
function bitsOf(encoded) {
  if (!encoded.startsWith("u")) throw new UnusableListError("The list does not begin with 'u'.");
  const bytes = fromBase64url(encoded.slice(1));
  const start = afterGzipHeader(bytes);
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 8);
  let bits;
  try {
    bits = inflateSync(bytes.slice(start, -8), { out: new Uint8Array(MAX_EXPANDED_BYTES + 1) });
  } catch {
    throw new UnusableListError("The list is not sound GZIP data.");
  }
  if (bits.length > MAX_EXPANDED_BYTES) throw new UnusableListError("The list is too long.");
  if (trailer.getUint32(4, true) !== bits.length || trailer.getUint32(0, true) !== crc32(bits)) {
    throw new UnusableListError("The list is not sound GZIP data.");
  }
  if (bits.length * 8 < MINIMUM_ENTRIES) throw new UnusableListError("The list is too short.");
  return bits;
}

function afterGzipHeader(bytes) {
  const sound = bytes.length >= 18 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8 && (bytes[3] & 0xe0) === 0;
  if (!sound) throw new UnusableListError("The list is not sound GZIP data.");
  const flags = bytes[3];
  let at = 10;
  if (flags & 4) at += 2 + bytes[at] + bytes[at + 1] * 256; // an extra field
  for (const named of [8, 16]) {
    if (flags & named) at = bytes.indexOf(0, at) + 1 || bytes.length; // a file's name, a comment
  }
  if (flags & 2) at += 2; // the header's own checksum
  if (at > bytes.length - 8) throw new UnusableListError("The list breaks off before its end.");
  return at;
}

function isSet(bits, index) {
  if (!INDEX.test(index)) throw new UnusableListError("The index is no whole number in decimal digits.");
  const place = Number(index);
  if (place >= bits.length * 8) throw new UnusableListError("The index is outside the list.");
  return (bits[Math.floor(place / 8)] & (0x80 >> place % 8)) !== 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

const times = (claims, name, read) => (has(claims, name) ? [read(claims[name])] : []);
const texts = (value) => (Array.isArray(value) ? value : [value]).filter((item) => typeof item === "string");
const pass = (evidence, age = 0) => ({ state: "pass", evidence, age, lasting: true });
const unknown = (evidence) => ({ state: "unknown", evidence, age: null, lasting: false });
