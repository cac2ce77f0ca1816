/* Public keys out of DID documents, and signatures checked with them: by the browser's own WebCrypto, and by a package
 * where that lacks Ed25519. The twin of `keys.did`, `keys.jwk` and `keys.multikey`. The key's type decides the
 * algorithm; what a token says must agree.
 */

import { FormatError, bytesOfNumber, fromBase58, fromBase64url, toBase64url } from "./bytes.js";
import { StrictJsonError, has, isObject, readObject } from "./strict-json.js";

export class KeyFormatError extends Error {}

/** This browser cannot check signatures of this kind; nothing is known then. */
export class UnsupportedKeyError extends Error {}

/** Every name under which a header may call the algorithm of each kind of key. */
export const ALGORITHMS = { "P-256": ["ES256"], "P-384": ["ES384"], Ed25519: ["EdDSA", "Ed25519"], RSA: ["RS256"] };

const PRIVATE_MEMBERS = ["d", "secretKeyMultibase", "privateKeyJwk", "privateKeyMultibase", "secretKeyJwk"];
const PRIVATE_JWK_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const MAX_MULTIKEY_CHARACTERS = 128;
const MAX_JWK_BYTES = 4096;
const RSA_BITS = [2048, 8192];
const CURVES = {
  "P-256": {
    bytes: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  "P-384": {
    bytes: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
};
const MULTIKEYS = [
  { kind: "Ed25519", prefix: [0xed, 0x01], bytes: 32 },
  { kind: "P-256", prefix: [0x80, 0x24], bytes: 33 },
  { kind: "P-384", prefix: [0x81, 0x24], bytes: 49 },
];
const IMPORTS = {
  "P-256": { name: "ECDSA", namedCurve: "P-256" },
  "P-384": { name: "ECDSA", namedCurve: "P-384" },
  Ed25519: { name: "Ed25519" },
  RSA: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};
const VERIFIES = {
  "P-256": { name: "ECDSA", hash: "SHA-256" },
  "P-384": { name: "ECDSA", hash: "SHA-384" },
  Ed25519: { name: "Ed25519" },
  RSA: { name: "RSASSA-PKCS1-v1_5" },
};

/** The DID that a key id names: the part before `#`; KeyFormatError if it is none. */
export function didOfKeyId(kid) {
  const mark = kid.indexOf("#");
  if (!kid.startsWith("did:") || mark < 0 || mark === kid.length - 1) {
    throw new KeyFormatError("The key id is not a DID followed by '#' and a name.");
  }
  return kid.slice(0, mark);
}

/** Whether a DID's key is in its id, so that nothing is to be fetched. */
export const holdsItsKey = (did) => did.startsWith("did:key:") || did.startsWith("did:jwk:");

/** The document that a did:key or did:jwk implies: `{id, keys}`, one key; KeyFormatError if it holds none. */
export function impliedDocument(did) {
  if (did.startsWith("did:key:")) {
    const text = did.slice("did:key:".length);
    return { id: did, keys: new Map([[`${did}#${text}`, readMultikey(text)]]) };
  }
  try {
    const jwk = readObject(fromBase64url(did.slice("did:jwk:".length)), { maxBytes: MAX_JWK_BYTES, maxDepth: 4 });
    return { id: did, keys: new Map([[`${did}#0`, readJwk(jwk)]]) };
  } catch (error) {
    if (error instanceof FormatError || error instanceof StrictJsonError) throw new KeyFormatError("A did:jwk holds no JWK.");
    throw error;
  }
}

/** A DID document's id and the keys that it lists under `assertionMethod`, by full id.
 * KeyFormatError: not strict JSON, another id, a method id twice, a private member, a broken key.
 */
export function readDocument(body, expectedId) {
  const document = parsed(body, expectedId);
  if (document.id !== expectedId) throw new KeyFormatError("The DID document says it is somebody else's.");
  const methods = new Map();
  for (const method of objects(document.verificationMethod)) collect(method, methods, expectedId);
  const embedded = ["assertionMethod", "authentication"].flatMap((purpose) =>
    objects(document[purpose]).map((method) => [purpose, method]),
  );
  for (const [, method] of embedded) collect(method, methods, expectedId);
  const keys = new Map();
  for (const purpose of ["assertionMethod", "authentication"]) {
    const references = items(document[purpose]).filter((entry) => typeof entry === "string");
    references.push(...embedded.filter(([of]) => of === purpose).map(([, method]) => method.id));
    for (const reference of references.map((id) => absolute(id, expectedId))) {
      const key = methods.has(reference) ? keyOf(methods.get(reference), expectedId) : null;
      if (key !== null && purpose === "assertionMethod") keys.set(reference, key);
    }
  }
  return { id: expectedId, keys };
}

/** A public key `{kind, jwk}` from a JWK; KeyFormatError for a private member, another kind, a broken number. */
export function readJwk(jwk) {
  if (PRIVATE_JWK_MEMBERS.some((name) => has(jwk, name))) throw new KeyFormatError("The JWK has a private member.");
  const key = keyOfJwk(jwk);
  if (has(jwk, "alg") && jwk.alg !== null && !ALGORITHMS[key.kind].includes(jwk.alg)) {
    throw new KeyFormatError("The JWK says an alg that does not fit its key.");
  }
  return key;
}

/** Whether a signature over bytes is good under this key; UnsupportedKeyError if this browser cannot tell. */
export async function isSigned(key, signature, message) {
  const expected = key.kind === "RSA" ? bytesIn(key.jwk, "n").length : key.kind === "P-384" ? 96 : 64;
  if (signature.length !== expected) return false;
  let imported;
  try {
    imported = await crypto.subtle.importKey("jwk", { ...key.jwk, ext: true }, IMPORTS[key.kind], true, ["verify"]);
  } catch {
    if (key.kind === "Ed25519") return isSignedWithoutTheBrowser(key, signature, message);
    throw unsupported(key);
  }
  return crypto.subtle.verify(VERIFIES[key.kind], imported, signature, message);
}

/* Ed25519 came late to browsers: where it is missing, a package checks it, loaded then and not before. The strict rules
 * of RFC 8032, as the server's.
 */
async function isSignedWithoutTheBrowser(key, signature, message) {
  let ed25519;
  try {
    ed25519 = await import("./vendor/ed25519.js");
  } catch {
    throw unsupported(key);
  }
  return ed25519.verifyAsync(signature, message, bytesIn(key.jwk, "x", 32), { zip215: false });
}

const unsupported = ({ kind }) => new UnsupportedKeyError(`This browser cannot check signatures of the kind ${kind}.`);

function parsed(body, id) {
  try {
    return readObject(body);
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    throw new KeyFormatError(`The DID document of ${id} cannot be read: ${error.message}`);
  }
}

function keyOfJwk(jwk) {
  if (jwk.kty === "EC" && typeof jwk.crv === "string" && has(CURVES, jwk.crv)) {
    const { bytes } = CURVES[jwk.crv];
    const [x, y] = ["x", "y"].map((name) => number(bytesIn(jwk, name, bytes)));
    if (!isOnCurve(jwk.crv, x, y)) throw new KeyFormatError("The JWK's point is not on its curve.");
    return { kind: jwk.crv, jwk: { kty: "EC", crv: jwk.crv, x: jwk.x, y: jwk.y } };
  }
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") {
    bytesIn(jwk, "x", 32);
    return { kind: "Ed25519", jwk: { kty: "OKP", crv: "Ed25519", x: jwk.x } };
  }
  if (jwk.kty === "RSA") return rsaKey(jwk);
  throw new KeyFormatError("The JWK is of a kind that is not accepted.");
}

function rsaKey(jwk) {
  const [n, e] = ["n", "e"].map((name) => bytesIn(jwk, name));
  const bits = n.length === 0 ? 0 : n.length * 8 - Math.clz32(n[0]) + 24;
  const small = e.length <= 4 && e.length > 0 && e[0] !== 0 && number(e) >= 3n && number(e) % 2n === 1n;
  if (bits < RSA_BITS[0] || bits > RSA_BITS[1] || n[0] === 0 || !small) {
    throw new KeyFormatError("The JWK's RSA numbers are out of bounds.");
  }
  return { kind: "RSA", jwk: { kty: "RSA", n: jwk.n, e: jwk.e } };
}

function readMultikey(text) {
  if (!text.startsWith("z") || text.length > MAX_MULTIKEY_CHARACTERS) throw new KeyFormatError("This is no Multikey.");
  let data;
  try {
    data = fromBase58(text.slice(1));
  } catch (error) {
    throw new KeyFormatError(error.message);
  }
  for (const { kind, prefix, bytes } of MULTIKEYS) {
    if (data[0] !== prefix[0] || data[1] !== prefix[1] || data.length !== 2 + bytes) continue;
    return kind === "Ed25519"
      ? { kind, jwk: { kty: "OKP", crv: kind, x: toBase64url(data.slice(2)) } }
      : pointKey(kind, data.slice(2));
  }
  throw new KeyFormatError("The Multikey holds no key of a known kind and length.");
}

/* A compressed point has x and the parity of y; y is a square root, which is one power where p = 3 mod 4. */
function pointKey(kind, raw) {
  const { p, b, bytes } = CURVES[kind];
  const x = number(raw.slice(1));
  const square = mod(x ** 3n - 3n * x + b, p);
  let y = power(square, (p + 1n) / 4n, p);
  if (![2, 3].includes(raw[0]) || x >= p || mod(y * y, p) !== square) {
    throw new KeyFormatError(`The Multikey's point is not on the curve ${kind}.`);
  }
  if (Number(y & 1n) !== raw[0] - 2) y = p - y;
  const [textX, textY] = [x, y].map((value) => toBase64url(bytesOfNumber(value, bytes)));
  return { kind, jwk: { kty: "EC", crv: kind, x: textX, y: textY } };
}

function isOnCurve(kind, x, y) {
  const { p, b } = CURVES[kind];
  return x < p && y < p && mod(y * y - (x ** 3n - 3n * x + b), p) === 0n;
}

function collect(method, methods, did) {
  const reference = absolute(method.id, did);
  if (methods.has(reference)) throw new KeyFormatError("The DID document lists one method twice.");
  if (PRIVATE_MEMBERS.some((name) => has(method, name))) throw new KeyFormatError("The DID document shows a private key.");
  methods.set(reference, method);
}

function keyOf(method, did) {
  if (method.controller !== did) return null;
  const { type, publicKeyJwk: jwk, publicKeyMultibase: text } = method;
  if (["JsonWebKey", "JsonWebKey2020"].includes(type) && isObject(jwk)) {
    if (jwk.kty === "RSA") return rsaOrNone(jwk);
    return ["P-256", "P-384", "Ed25519"].includes(jwk.crv) ? readJwk(jwk) : null;
  }
  const known = ["Multikey", "Ed25519VerificationKey2020"].includes(type) && typeof text === "string";
  return known && /^(z6Mk|zDn|z82)/.test(text) ? readMultikey(text) : null;
}

/* An old short RSA key beside good keys is left out like any other kind that is not taken. */
function rsaOrNone(jwk) {
  try {
    return readJwk(jwk);
  } catch {
    return null;
  }
}

function absolute(reference, did) {
  if (typeof reference !== "string") throw new KeyFormatError("The DID document has a method without a text id.");
  return reference.startsWith("#") ? `${did}${reference}` : reference;
}

function bytesIn(jwk, name, expected) {
  if (typeof jwk[name] !== "string") throw new KeyFormatError(`The JWK has no text member '${name}'.`);
  let data;
  try {
    data = fromBase64url(jwk[name]);
  } catch (error) {
    throw new KeyFormatError(error.message);
  }
  if (expected !== undefined && data.length !== expected) throw new KeyFormatError(`The JWK's '${name}' has a wrong length.`);
  return data;
}

const items = (value) => (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]);
const objects = (value) => items(value).filter(isObject);
const number = (bytes) => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
const mod = (value, p) => ((value % p) + p) % p;

function power(base, exponent, p) {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % p) {
    if (rest & 1n) result = (result * square) % p;
  }
  return result;
}
