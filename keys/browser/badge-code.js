/* The text of a badge's QR code -> its packed bytes -> its token (DESK sections 1 to 3): the twin of
 * `schemas.badge_qr`. Nothing is trusted here: a dictionary is a decompression aid and not an authority.
 */

import { FormatError, fromBase45, fromDigits, sha256, toBase64url, toHex } from "./bytes.js";
import { inflateSync } from "./vendor/fflate.js";

const MAX_DICTIONARY_BYTES = 8192;
const MAX_HEADER_BYTES = 512;
const MAX_PAYLOAD_BYTES = 16384;
const MIN_PACKED_BYTES = 71;
const MAX_PACKED_BYTES = 1024;
const MAX_TEXT_CHARACTERS = 3000;
const LAYOUT = 1;
const BODY_AT = 69;
const ADDRESS = /^https:\/\/[^/?#\s]+(?:\/[^?#\s]*)?\/v(?:\?[^#\s]*)?$/i;
const PATH_ENDS_IN_V = /\/v(?:\?|$)/;

/** A code that cannot be unpacked for now: a dictionary or a layout that is not here. Update; never "invalid". */
export class UnknownCodeError extends Error {}

/** The packed bytes in the text of a code, desk or URL form. The host of the URL form is ignored and never opened.
 * FormatError for any other text.
 */
export function readText(text) {
  if ([...text].length > MAX_TEXT_CHARACTERS) throw new FormatError("The text of the code is too long.");
  if (text.startsWith("OB1:")) return fromBase45(text.slice(4));
  const mark = text.indexOf("#");
  const address = mark < 0 ? text : text.slice(0, mark);
  const digits = mark < 0 ? "" : text.slice(mark + 1);
  if (ADDRESS.test(address) && PATH_ENDS_IN_V.test(address) && digits !== "") return fromDigits(digits);
  throw new FormatError("This is not the text of a badge: it begins neither with OB1: nor with https://…/v#.");
}

/** Whether a text claims to be the code of a badge, sound or damaged. */
export const looksLikeCode = (text) => text.startsWith("OB1:") || (/^https:\/\//i.test(text) && /\/v(\?[^#]*)?#/.test(text));

/** One published dictionary file, by its id; FormatError if it is none. */
export async function readDictionary(file) {
  const feed = file.indexOf(10);
  if (file.length > MAX_DICTIONARY_BYTES || feed < 1 || feed > MAX_HEADER_BYTES) {
    throw new FormatError("This is no dictionary: a header line, a line feed and a template were expected.");
  }
  const id = toHex((await sha256(file)).slice(0, 4));
  return { id, header: file.slice(0, feed), template: file.slice(feed + 1) };
}

/** The id of the dictionary that packed bytes name; `null` for another layout or too few bytes. */
export function dictionaryOf(packed) {
  return packed.length >= MIN_PACKED_BYTES && packed[0] === LAYOUT ? toHex(packed.slice(1, 5)) : null;
}

/** The compact JWT inside packed bytes; `dictionaries`: a Map by id. Nothing in the result is verified yet.
 * UnknownCodeError where the answer is "update", FormatError for a wrong size or a broken stream.
 */
export function unpack(packed, dictionaries) {
  if (packed.length < MIN_PACKED_BYTES || packed.length > MAX_PACKED_BYTES) {
    throw new FormatError(`A packed badge has ${MIN_PACKED_BYTES} to ${MAX_PACKED_BYTES} bytes.`);
  }
  if (packed[0] !== LAYOUT) throw new UnknownCodeError(`The code has the layout ${packed[0]}: this page is too old.`);
  const dictionary = dictionaries.get(toHex(packed.slice(1, 5)));
  if (dictionary === undefined) throw new UnknownCodeError("The code's dictionary is not here: update.");
  const payload = inflated(packed.slice(BODY_AT), dictionary.template);
  return [dictionary.header, payload, packed.slice(5, BODY_AT)].map(toBase64url).join(".");
}

function inflated(body, template) {
  let payload;
  try {
    // Where `out` is full, fflate stops without a word: one byte more than the limit shows that there is more.
    payload = inflateSync(body, { dictionary: template, out: new Uint8Array(MAX_PAYLOAD_BYTES + 1) });
  } catch {
    throw new FormatError("The compressed part of the badge is damaged.");
  }
  if (payload.length > MAX_PAYLOAD_BYTES) throw new FormatError(`The badge expands to more than ${MAX_PAYLOAD_BYTES} bytes.`);
  return payload;
}

/** The token in a text that was pasted or stands in a file: a compact JWS, or `null`. */
export function tokenIn(text) {
  const trimmed = text.trim();
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(trimmed) ? trimmed : null;
}

