/* Reads QR codes out of pictures with zxing, beside the page so that it never stutters. */

import { prepareZXingModule, readBarcodes } from "../../../keys/browser/vendor/zxing/reader/index.js";
import { OF_A_PHOTOGRAPH, OPTIONS } from "./reading.js";

const WASM = new URL("../../../keys/browser/vendor/zxing/reader/zxing_reader.wasm", import.meta.url).href;

// Its default is to fetch the module from a public network: ours lies beside the script of the very same version.
prepareZXingModule({ overrides: { locateFile: () => WASM }, fireImmediately: true });

self.onmessage = async ({ data: { number, pixels, thoroughly } }) => {
  let texts = [];
  try {
    const found = await readBarcodes(pixels, thoroughly ? OF_A_PHOTOGRAPH : OPTIONS);
    texts = found.filter((code) => code.isValid).map((code) => code.text);
  } catch (error) {
    console.error("reading a picture failed", error);
  }
  self.postMessage({ number, texts });
};
