/* Asking office or hub: every request signed by the desk's key, none longer than a volunteer waits. */

import { sha256, toBase64url, utf8 } from "../../../keys/browser/bytes.js";
import { sign } from "./signed.js";

const PATIENCE = 2_500; // then the desk is cut off, and says so
const PATIENCE_FOR_A_BUNDLE = 20_000;
const PATIENCE_FOR_A_LOOKUP = 8_000; // somebody else's site is asked in between

/** Nothing answered, or something that is not office or hub. */
export class CutOffError extends Error {}

/** It answered that this cannot be; `status` and the problem details that it gave. */
export class RefusedError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `refused with ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export class Venue {
  /** `desk`: `{id, event, key}`, the key a CryptoKey that cannot be taken out. */
  constructor(desk) {
    this.desk = desk;
  }

  /** What time it is there, and who decides; asks for nothing that is signed. */
  async now(base) {
    return (await asked(`${base}/desk-api/now?event=${encodeURIComponent(this.desk.event)}`)).body;
  }

  async epochs(base) {
    return (await asked(`${base}/desk-api/epochs?event=${encodeURIComponent(this.desk.event)}`)).body.epochs;
  }

  async tell(base, epochs) {
    return (await asked(`${base}/desk-api/epochs`, { method: "POST", json: { epochs } })).body;
  }

  /** A newer bundle's token, or null where there is none. */
  async bundle(base, { etag, epoch }) {
    const headers = etag ? { "If-None-Match": etag } : {};
    const answer = await this.#signed(base, "GET", "/desk-api/bundle", { epoch, headers, patience: PATIENCE_FOR_A_BUNDLE });
    return answer.status === 304 ? null : { token: answer.text, etag: answer.etag };
  }

  /** `proof`: what the volunteer compared. */
  async redeem(base, { badge, proof, requestId, epoch }) {
    const path = `/events/${encodeURIComponent(this.desk.event)}/redemptions`;
    const headers = { "Idempotency-Key": requestId };
    return this.#signed(base, "POST", path, { epoch, headers, json: { badge, [proof]: true } });
  }

  /** `last`: the number of this desk's newest entry, which ends the wait after a takeover. */
  async journal(base, { entries, last, epoch }) {
    return (await this.#signed(base, "POST", "/desk-api/journal", { epoch, json: { entries, last } })).body;
  }

  async others(base, { after, epoch }) {
    return (await this.#signed(base, "GET", `/desk-api/journal?after=${after}`, { epoch })).body;
  }

  /** The token of the badge behind a lookup code or short code. */
  async lookUp(base, { code, epoch }) {
    const patience = PATIENCE_FOR_A_LOOKUP;
    return (await this.#signed(base, "POST", "/desk-api/lookup", { epoch, json: { code }, patience })).body.badge;
  }

  /** What whoever decides finds about a badge that this page cannot check: `{outcome, checks, statement}`. */
  async look(base, { badge, epoch }) {
    return (await this.#signed(base, "POST", "/desk-api/look", { epoch, json: { badge }, patience: PATIENCE_FOR_A_LOOKUP })).body;
  }

  async undo(base, { requestId, desk, reason, initials, epoch }) {
    const json = { request_id: requestId, reason, initials, ...(desk === this.desk.id ? {} : { desk }) };
    return (await this.#signed(base, "POST", "/desk-api/undo", { epoch, json })).body;
  }

  async #signed(base, method, path, { epoch, json, headers = {}, patience }) {
    const body = json === undefined ? "" : JSON.stringify(json);
    const claims = {
      ...{ desk: this.desk.id, event: this.desk.event, method, path },
      ...{ body: toBase64url(await sha256(utf8(body))), iat: Math.floor(Date.now() / 1000), jti: crypto.randomUUID(), epoch },
    };
    const signature = await sign(claims, { key: this.desk.key, kid: this.desk.id, typ: "desk-request+jwt" });
    const all = { ...headers, "Desk-Signature": signature };
    return asked(`${base}${path}`, { method, body: json === undefined ? undefined : body, headers: all, patience });
  }
}

/** What an enrolment's secret gives this device: `{desk, name, event, rights, cap, bundle, time}`. */
export async function enrol(base, { secret, jwk }) {
  return (await asked(`${base}/desk-api/enrol`, { method: "POST", json: { secret, jwk }, patience: PATIENCE_FOR_A_BUNDLE })).body;
}

async function asked(address, { method = "GET", json, body, headers = {}, patience = PATIENCE } = {}) {
  const sent = json === undefined ? body : JSON.stringify(json);
  const typed = sent === undefined ? headers : { ...headers, "Content-Type": "application/json" };
  let response;
  let text;
  try {
    const signal = AbortSignal.timeout(patience);
    response = await fetch(address, { method, body: sent, headers: typed, signal, cache: "no-store", redirect: "error" });
    text = response.status === 304 ? "" : await response.text();
  } catch {
    throw new CutOffError(`${address} did not answer.`);
  }
  const type = response.headers.get("Content-Type") ?? "";
  const parsed = type.includes("json") ? read(text) : null;
  if (response.ok || response.status === 304) {
    if (parsed === null && type.includes("html")) throw new CutOffError("A page of somebody else answered."); // a Wi-Fi's login
    return { status: response.status, body: parsed, text, etag: response.headers.get("ETag") };
  }
  if (parsed === null) throw new CutOffError(`${address} answered with ${response.status} and no reason.`);
  throw new RefusedError(response.status, parsed);
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
