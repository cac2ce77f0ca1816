/* How a frame is read: one or two codes of one kind, thoroughly, since a desk's frames are dim and tilted. */

export const OPTIONS = { formats: ["QRCode"], tryHarder: true, tryInvert: false, tryDownscale: true, maxNumberOfSymbols: 2 };

/** A photograph from a file may be larger, hold several codes, and be of a dark screen. */
export const OF_A_PHOTOGRAPH = { ...OPTIONS, tryInvert: true, maxNumberOfSymbols: 8 };
