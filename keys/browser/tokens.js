/* A compact JWS taken apart and checked, strictly: the twin of `keys.jws`. */

import { FormatError, fromBase64url, utf8 } from "./bytes.js";
import { ALGORITHMS, isSigned } from "./keys.js";
import { StrictJsonError, has, readObject } from "./strict-json.js";

export class SignatureError extends Error {}

export const BADGE_TYPES = ["vc+jwt", "JWT"]; // or absent; anything else is some other kind of token
export const SUPPORTED = Object.values(ALGORITHMS).flat();

const KNOWN_HEADER = ["alg", "kid", "typ", "jwk", "cty"];
const MAX_JWS_CHARACTERS = 256 * 1024;
const MAX_HEADER_BYTES = 4096;

/** `{header: {alg, kid, typ}, payload, signature, signingInput}`; the payload is NOT verified.
 * SignatureError: not three canonical base64url parts, or a header with a member that must not be there.
 */
export function parse(token, { maxCharacters = MAX_JWS_CHARACTERS } = {}) {
  if (token.length > maxCharacters) throw new SignatureError("The token is too long.");
  const parts = token.split(".");
  if (parts.length !== 3) throw new SignatureError(`The token has ${parts.length} parts; three were expected.`);
  try {
    const header = readHeader(fromBase64url(parts[0]));
    const [payload, signature] = [fromBase64url(parts[1]), fromBase64url(parts[2])];
    return { header, payload, signature, signingInput: utf8(`${parts[0]}.${parts[1]}`) };
  } catch (error) {
    if (error instanceof FormatError || error instanceof StrictJsonError) throw new SignatureError(error.message);
    throw error;
  }
}

/** SignatureError unless the token was signed by this key, with the key's own algorithm, as one of these types. */
export async function check(parsed, key, types = BADGE_TYPES) {
  const { alg, typ } = parsed.header;
  if (!ALGORITHMS[key.kind].includes(alg)) throw new SignatureError(`alg ${alg} does not fit a ${key.kind} key.`);
  if (typ !== null && !types.includes(typ)) throw new SignatureError("The token is of another type.");
  if (!(await isSigned(key, parsed.signature, parsed.signingInput))) {
    throw new SignatureError("The signature does not fit the signed text and this key.");
  }
}

function readHeader(bytes) {
  const header = readObject(bytes, { maxBytes: MAX_HEADER_BYTES, maxDepth: 4 });
  const unknown = Object.keys(header).filter((name) => !KNOWN_HEADER.includes(name));
  if (unknown.length > 0) throw new SignatureError("The token's header has a member that is refused.");
  if (typeof header.alg !== "string") throw new SignatureError("The token's header has no text member 'alg'.");
  for (const name of ["kid", "typ"]) {
    if (has(header, name) && typeof header[name] !== "string") throw new SignatureError(`'${name}' must be text.`);
  }
  return { alg: header.alg, kid: header.kid ?? null, typ: header.typ ?? null };
}
