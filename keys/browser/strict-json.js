/* The one JSON reader for what arrives: the twin of `schemas.strict_json`.
 *
 * `JSON.parse` keeps the last of two equal members in silence and lets lone surrogates through; two readers that
 * disagree about one document are an attack. Numbers are the only thing that this one reads less exactly: 1.0 and 1
 * are one value here, so whoever needs a whole number checks the text's meaning elsewhere.
 */

import { fromUtf8 } from "./bytes.js";

export class StrictJsonError extends Error {}

export const MAX_DOCUMENT_BYTES = 256 * 1024;
export const MAX_DEPTH = 32;

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** One JSON object out of UTF-8 bytes or a text, as a Map-free plain object without a prototype.
 *
 * StrictJsonError: too large, too deep, invalid UTF-8, a byte order mark, a member that stands twice, a lone
 * surrogate, an integer beyond 2^53-1, anything after the value, another value than an object.
 */
export function readObject(data, { maxBytes = MAX_DOCUMENT_BYTES, maxDepth = MAX_DEPTH } = {}) {
  const value = read(data, { maxBytes, maxDepth });
  if (!isObject(value)) throw new StrictJsonError("A JSON object was expected.");
  return value;
}

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether an object has this member itself. */
export const has = (object, name) => Object.prototype.hasOwnProperty.call(object, name);

function read(data, { maxBytes, maxDepth }) {
  const text = typeof data === "string" ? data : decoded(data, maxBytes);
  if (typeof data === "string" && new TextEncoder().encode(data).length > maxBytes) throw tooLarge(maxBytes);
  if (text.startsWith("\ufeff")) throw new StrictJsonError("The JSON begins with a byte order mark.");
  const reader = { text, at: 0, maxDepth };
  const value = readValue(reader, 0);
  skipSpace(reader);
  if (reader.at !== text.length) throw wrong(reader);
  return value;
}

function decoded(bytes, maxBytes) {
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  try {
    return fromUtf8(bytes);
  } catch {
    throw new StrictJsonError("The JSON is not valid UTF-8.");
  }
}

function readValue(reader, depth) {
  skipSpace(reader);
  const letter = reader.text[reader.at];
  if (letter === "{") return readMembers(reader, depth + 1);
  if (letter === "[") return readItems(reader, depth + 1);
  if (letter === '"') return readString(reader);
  for (const [word, value] of [["true", true], ["false", false], ["null", null]]) {
    if (reader.text.startsWith(word, reader.at)) {
      reader.at += word.length;
      return value;
    }
  }
  return readNumber(reader);
}

function readMembers(reader, depth) {
  const object = Object.create(null);
  for (const _ of listed(reader, "}", depth)) {
    skipSpace(reader);
    if (reader.text[reader.at] !== '"') throw wrong(reader);
    const name = readString(reader);
    if (has(object, name)) throw new StrictJsonError("A member stands twice in one JSON object.");
    skipSpace(reader);
    if (reader.text[reader.at] !== ":") throw wrong(reader);
    reader.at += 1;
    object[name] = readValue(reader, depth);
  }
  return object;
}

function readItems(reader, depth) {
  const items = [];
  for (const _ of listed(reader, "]", depth)) items.push(readValue(reader, depth));
  return items;
}

/* One turn for each entry between brackets, with the commas between them. */
function* listed(reader, end, depth) {
  if (depth > reader.maxDepth) throw new StrictJsonError(`The JSON is nested more than ${reader.maxDepth} levels deep.`);
  reader.at += 1;
  skipSpace(reader);
  if (reader.text[reader.at] === end) {
    reader.at += 1;
    return;
  }
  for (;;) {
    yield;
    skipSpace(reader);
    const letter = reader.text[reader.at];
    reader.at += 1;
    if (letter === end) return;
    if (letter !== ",") throw wrong(reader);
  }
}

function readString(reader) {
  STRING.lastIndex = reader.at;
  const found = STRING.exec(reader.text);
  if (found === null) throw wrong(reader);
  reader.at = STRING.lastIndex;
  const value = JSON.parse(found[0]);
  if (LONE_SURROGATE.test(value)) throw new StrictJsonError("A text holds a lone surrogate.");
  return value;
}

function readNumber(reader) {
  NUMBER.lastIndex = reader.at;
  const found = NUMBER.exec(reader.text);
  if (found === null) throw wrong(reader);
  reader.at = NUMBER.lastIndex;
  const value = Number(found[0]);
  const whole = found[1] === undefined && found[2] === undefined;
  if (!Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) {
    throw new StrictJsonError("A number is beyond what readers agree on.");
  }
  return value;
}

function skipSpace(reader) {
  SPACE.lastIndex = reader.at;
  SPACE.exec(reader.text);
  reader.at = SPACE.lastIndex;
}

function wrong(reader) {
  return new StrictJsonError(`The JSON breaks off or goes wrong at character ${reader.at + 1}.`);
}

function tooLarge(maxBytes) {
  return new StrictJsonError(`The JSON is larger than the ${maxBytes} bytes that are read.`);
}
