/* Bytes and their texts, each in its one canonical spelling: base64url, Base45, digits, base58, hex.
 *
 * The twin of `schemas.base64url` and of the codecs in `schemas.badge_qr`: what one refuses, the other refuses.
 */

export class FormatError extends Error {}

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"; // RFC 9285, table 1
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const DIGITS_OF = [0, 3, 5, 8, 10, 13, 15, 17]; // bytes in a group -> digits
const GROUP_BYTES = 7; // the most bytes whose largest number still fills its digits well: 2^56 < 10^17

const base64Values = valuesOf(BASE64URL);
const base45Values = valuesOf(BASE45);
const base58Values = valuesOf(BASE58);

/** UTF-8 bytes of a text. */
export const utf8 = (text) => new TextEncoder().encode(text);

/** The text behind UTF-8 bytes; FormatError if they are none. A byte order mark stays in the text. */
export function fromUtf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError("The text is not valid UTF-8.");
  }
}

export function toBase64url(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const size = Math.min(3, bytes.length - at);
    const value = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let letter = 0; letter <= size; letter++) text += BASE64URL[(value >> (18 - 6 * letter)) & 63];
  }
  return text;
}

/** The bytes behind base64url without padding; FormatError for anything that `toBase64url` would not write. */
export function fromBase64url(text, what = "value") {
  if (text.length % 4 === 1) throw new FormatError(`The ${what} is not base64url without padding.`);
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text) {
    const value = base64Values.get(letter);
    if (value === undefined) throw new FormatError(`The ${what} is not base64url without padding.`);
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  if (held & ((1 << bits) - 1)) throw new FormatError(`The ${what} has spare bits set.`);
  return bytes;
}

/** Bytes in Base45 (RFC 9285). */
export function toBase45(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const size = Math.min(2, bytes.length - at);
    let value = size === 2 ? bytes[at] * 256 + bytes[at + 1] : bytes[at];
    for (let letter = 0; letter <= size; letter++) {
      text += BASE45[value % 45];
      value = Math.floor(value / 45);
    }
  }
  return text;
}

/** The bytes behind Base45; FormatError for a foreign character, a wrong length or a large value. */
export function fromBase45(text) {
  if (text.length % 3 === 1) throw new FormatError("Part of the code is missing.");
  const bytes = [];
  for (let at = 0; at < text.length; at += 3) {
    const group = [...text.slice(at, at + 3)].map((letter) => base45Values.get(letter));
    if (group.includes(undefined)) throw new FormatError("A character of the code is not in the Base45 alphabet.");
    const value = group.reduce((sum, digit, power) => sum + digit * 45 ** power, 0);
    if (value >= 256 ** (group.length - 1)) throw new FormatError("Base45 characters stand for too large a number.");
    if (group.length === 3) bytes.push(value >> 8);
    bytes.push(value & 0xff);
  }
  return new Uint8Array(bytes);
}

/** Bytes as decimal digits, groups of 7 bytes as 17 digits (DESK section 3). */
export function toDigits(bytes) {
  let digits = "";
  for (let at = 0; at < bytes.length; at += GROUP_BYTES) {
    const group = bytes.slice(at, at + GROUP_BYTES);
    const number = group.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    digits += number.toString().padStart(DIGITS_OF[group.length], "0");
  }
  return digits;
}

/** The bytes behind `toDigits`; FormatError for another character, a wrong length or a large group. */
export function fromDigits(digits) {
  if (!/^[0-9]*$/.test(digits) || digits.endsWith("\n")) throw new FormatError("The code holds more than digits.");
  const bytes = [];
  for (let at = 0; at < digits.length; at += DIGITS_OF[GROUP_BYTES]) {
    const group = digits.slice(at, at + DIGITS_OF[GROUP_BYTES]);
    const size = DIGITS_OF.indexOf(group.length);
    if (size < 1) throw new FormatError(`The digits end in a group of ${group.length}, which no bytes give.`);
    let number = BigInt(group); // 10^17 is beyond what a Number holds exactly
    if (number >= 1n << BigInt(8 * size)) throw new FormatError(`Digits stand for a number beyond ${size} bytes.`);
    const part = new Uint8Array(size);
    for (let place = size - 1; place >= 0; place--) {
      part[place] = Number(number & 0xffn);
      number >>= 8n;
    }
    bytes.push(...part);
  }
  return new Uint8Array(bytes);
}

/** The bytes behind base58btc; FormatError for a character that it does not know. */
export function fromBase58(text) {
  let number = 0n;
  for (const letter of text) {
    const value = base58Values.get(letter);
    if (value === undefined) throw new FormatError("A key has a character that base58 does not know.");
    number = number * 58n + BigInt(value);
  }
  const zeros = text.length - text.replace(/^1+/, "").length;
  return new Uint8Array([...new Array(zeros).fill(0), ...bytesOfNumber(number)]);
}

/** A whole number as big-endian bytes, without leading zeros. */
export function bytesOfNumber(number, size = 0) {
  const bytes = [];
  for (let rest = number; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  while (bytes.length < size) bytes.unshift(0);
  return new Uint8Array(bytes);
}

export const toHex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

export function concatenated(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function valuesOf(alphabet) {
  return new Map([...alphabet].map((letter, value) => [letter, value]));
}
