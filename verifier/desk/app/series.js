/* A bundle or a journal as a series of codes that can be scanned in any order (docs/desk-formats.md). */

import { FormatError, concatenated, fromBase45, fromBase64url, sha256, toBase45, toBase64url, toHex } from "../../../keys/browser/bytes.js";
import { deflateSync, inflateSync } from "../../../keys/browser/vendor/fflate.js";
import { lengthOf } from "./signed.js";

const PIECE_BYTES = 360;
const MOST_PIECES = 999;
const MOST_BYTES = 16 * 1024 * 1024;
const PIECE = /^(OB1[BJ]):([0-9A-F]{32})\/([0-9]{1,3})\/([0-9]{1,3})\/([0-9A-Z $%*+\-./:]*)$/;

/** The texts of the codes for these tokens; `prefix` is OB1B for a bundle, OB1J for a journal. */
export async function split(tokens, prefix) {
  const parts = tokens.flatMap((token) => token.split(".").map((part) => fromBase64url(part)));
  const content = concatenated(...parts.flatMap((part) => [lengthOf(part), part]));
  const deflated = deflateSync(content, { level: 9 });
  const id = await idOf(deflated);
  const count = Math.ceil(deflated.length / PIECE_BYTES);
  if (count > MOST_PIECES) throw new FormatError("It is too large for codes: carry it as a file.");
  return Array.from({ length: count }, (_, number) => {
    const piece = deflated.slice(number * PIECE_BYTES, (number + 1) * PIECE_BYTES);
    return `${prefix}:${id}/${number + 1}/${count}/${toBase45(piece)}`;
  });
}

/** Collects pieces as they are scanned. */
export class Collector {
  constructor() {
    this.series = new Map();
  }

  /** `{prefix, id, have, of, missing, tokens}`; `tokens` is null until all are there. FormatError for no piece. */
  async add(text) {
    const found = PIECE.exec(text);
    if (found === null) throw new FormatError("This is no code of a series.");
    const [, prefix, id, number, count] = found;
    const [at, of] = [Number(number), Number(count)];
    if (at < 1 || at > of) throw new FormatError("This code does not say which of its series it is.");
    const pieces = this.series.get(id) ?? new Map();
    pieces.set(at, fromBase45(found[5]));
    this.series.set(id, pieces);
    const missing = Array.from({ length: of }, (_, place) => place + 1).filter((place) => !pieces.has(place));
    const state = { prefix, id, have: pieces.size, of, missing, tokens: null };
    if (missing.length > 0) return state;
    const deflated = concatenated(...Array.from({ length: of }, (_, place) => pieces.get(place + 1)));
    this.series.delete(id);
    if ((await idOf(deflated)) !== id) throw new FormatError("The codes of this series do not fit together: scan them again.");
    return { ...state, tokens: tokensIn(inflated(deflated)) };
  }
}

export const isPiece = (text) => PIECE.test(text);

function inflated(deflated) {
  let content;
  try {
    content = inflateSync(deflated, { out: new Uint8Array(MOST_BYTES + 1) });
  } catch {
    throw new FormatError("The codes of this series are damaged.");
  }
  if (content.length > MOST_BYTES) throw new FormatError("The series is too large.");
  return content;
}

function tokensIn(content) {
  const parts = [];
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  for (let at = 0; at < content.length; ) {
    const length = at + 4 <= content.length ? view.getUint32(at) : content.length;
    if (at + 4 + length > content.length) throw new FormatError("The series breaks off.");
    parts.push(toBase64url(content.slice(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  if (parts.length === 0 || parts.length % 3 !== 0) throw new FormatError("The series holds no whole tokens.");
  return Array.from({ length: parts.length / 3 }, (_, number) => parts.slice(number * 3, number * 3 + 3).join("."));
}

async function idOf(deflated) {
  return toHex((await sha256(deflated)).slice(0, 16)).toUpperCase();
}
