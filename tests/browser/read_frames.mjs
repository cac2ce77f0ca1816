/* The page's reader on pictures that a test made: paths of raw grey frames (1280x720) on standard input, one a line;
 * the texts that were found, as JSON, one line each. With the options of `reader-worker.js`.
 */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { performance } from "node:perf_hooks";

import { OPTIONS } from "../../verifier/desk/app/reading.js";
import { prepareZXingModule, readBarcodes } from "../../keys/browser/vendor/zxing/reader/index.js";

const [width, height] = [1280, 720];
const wasm = readFileSync(new URL("../../keys/browser/vendor/zxing/reader/zxing_reader.wasm", import.meta.url));
await prepareZXingModule({ overrides: { wasmBinary: wasm.buffer }, fireImmediately: true });

for await (const path of createInterface({ input: process.stdin })) {
  const grey = readFileSync(path);
  const data = new Uint8ClampedArray(grey.length * 4);
  for (let at = 0; at < grey.length; at++) data.set([grey[at], grey[at], grey[at], 255], at * 4);
  const began = performance.now();
  const found = await readBarcodes({ data, width, height, colorSpace: "srgb" }, OPTIONS);
  const texts = found.filter((code) => code.isValid).map((code) => code.text);
  process.stdout.write(`${JSON.stringify({ texts, milliseconds: performance.now() - began })}\n`);
}
