/* The signed texts that desks exchange (docs/desk-formats.md): read with a key that is known, written with the
 * desk's own. The twin of `verifier.desk.formats`.
 */

import { concatenated, sha256, toBase64url, toHex, utf8 } from "../../../keys/browser/bytes.js";
import { readJwk } from "../../../keys/browser/keys.js";
import { readObject } from "../../../keys/browser/strict-json.js";
import { SignatureError, check, parse } from "../../../keys/browser/tokens.js";

const MAX_CHARACTERS = 8 * 1024 * 1024; // a bundle with the claims of some ten thousand people
const MAX_BYTES = 6 * 1024 * 1024;

/** The claims of a token of this type, once it was found signed by this JWK; SignatureError if it was not. */
export async function readSigned(token, { jwk, typ }) {
  const parsed = parse(token, { maxCharacters: MAX_CHARACTERS });
  if (parsed.header.typ !== typ || parsed.header.alg !== "ES256") throw new SignatureError(`A ${typ} was expected.`);
  await check(parsed, readJwk(jwk), [typ]);
  return readObject(parsed.payload, { maxBytes: MAX_BYTES });
}

/** What a token claims and by which key id it says it is; NOT verified. */
export function unverified(token) {
  const { header, payload } = parse(token, { maxCharacters: MAX_CHARACTERS });
  return { kid: header.kid, typ: header.typ, claims: readObject(payload, { maxBytes: MAX_BYTES }) };
}

/** A token of these claims, signed by a CryptoKey for ES256. */
export async function sign(claims, { key, kid, typ }) {
  const parts = [{ alg: "ES256", kid, typ }, claims].map((part) => toBase64url(utf8(JSON.stringify(part))));
  const signingInput = parts.join(".");
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, utf8(signingInput));
  return `${signingInput}.${toBase64url(new Uint8Array(signature))}`;
}

/** The hash by which one statement names another: of its signing input, since signatures have twins. */
export async function hashOf(token) {
  return toBase64url(await sha256(utf8(token.slice(0, token.lastIndexOf(".")))));
}

/** A digest of what a token says, whoever signed it and how often. */
export async function digestOfPayload(token) {
  return toBase64url(await sha256(utf8(token.split(".")[1] ?? "")));
}

/** The thumbprint of RFC 7638 of an EC key. */
export async function fingerprint({ crv, kty, x, y }) {
  return toBase64url(await sha256(utf8(JSON.stringify({ crv, kty, x, y }))));
}

/** How claims name a holder, so that no pseudonym travels. */
export async function holderHash({ salt, event, entitlement, issuer, reference }) {
  const known = /^(urn:uuid:|did:)/.test(reference) && reference.length <= 100 && /^[\x21-\x7e]+$/.test(reference);
  const key = known ? reference : `sha256:${toHex(await sha256(utf8(reference)))}`;
  const parts = [event, entitlement, issuer, key].map(utf8).flatMap((bytes) => [lengthOf(bytes), bytes]);
  return toBase64url((await sha256(concatenated(salt, ...parts))).slice(0, 16));
}

export function lengthOf(bytes) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return length;
}
