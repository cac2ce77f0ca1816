/* One desk: what it knows, what it may do now, and what it did. No page here; `app.js` shows it.
 *
 * Every act is written down before it is told: `requests` before whoever decides is asked, `journal` before anything
 * is shown as granted.
 */

import { readBadge, verify } from "../../../keys/browser/verify.js";
import { tokenIn } from "../../../keys/browser/badge-code.js";
import { FormatError, utf8 } from "../../../keys/browser/bytes.js";
import { StrictJsonError, has, readObject } from "../../../keys/browser/strict-json.js";
import { parse } from "../../../keys/browser/timestamps.js";
import { BundleError, open, standing } from "./bundle.js";
import { decide } from "./decide.js";
import { AT_THE_OFFICE, advance, takeover } from "./epochs.js";
import { CUT_OFF, mayGrantProvisionally, provisionalLeft, ringNow, standingGrants } from "./rings.js";
import { hashOf, readSigned, sign, unverified } from "./signed.js";
import { CutOffError, RefusedError, Venue, enrol } from "./venue.js";

const ENTRIES_AT_ONCE = 200;
const MOST_CLOCK_DIFFERENCE = 120_000;
// A badge's short code or whole id as people type it, or the address of its public page.
const LOOKUP = /^(?:(?:[0-9a-f][ -]?){11}[0-9a-f]|(?:[0-9a-f]-?){31}[0-9a-f]|https:\/\/[^/\s]+\/b\/[0-9a-f-]{12,36}\/?)$/i;

/** This device cannot become a desk, or the desk cannot do what was asked; one sentence. */
export class DeskError extends Error {}

export class Desk {
  constructor(memory, { clock = () => Date.now() } = {}) {
    this.memory = memory;
    this.clock = clock;
    this.desk = null;
    this.bundle = null;
    this.trust = null;
    this.epoch = AT_THE_OFFICE;
    this.reachedAt = null; // when whoever decides answered last
    this.cutOffSince = null;
    this.clockDiffers = null; // what time it is there, if that is far from here
    this.revoked = false;
    this.rehearsing = false;
    this.acknowledged = 0;
    this.own = []; // claims of this desk's entries
    this.others = []; // claims of other desks' entries
  }

  /** Everything that this device kept; whether it is a desk already. */
  async load() {
    const [desk, kept, epoch, acknowledged] = await Promise.all(
      ["desk", "bundle", "epoch", "acknowledged"].map((name) => this.memory.fact(name)),
    );
    if (desk === undefined) return false;
    this.desk = desk;
    this.venue = new Venue(desk);
    this.epoch = epoch ?? AT_THE_OFFICE;
    this.acknowledged = acknowledged ?? 0;
    this.own = (await this.memory.journal()).map((entry) => entry.claims);
    this.others = (await this.memory.others()).map((entry) => entry.claims);
    await this.#use(await open(kept.token, { pin: desk.pin, event: desk.event, now: this.clock(), kept: true }), kept);
    return true;
  }

  /** Make this device a desk by the secret of an enrolment. DeskError says why it did not become one. */
  async enrol(base, { secret, event, pin }) {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    try {
      const given = await enrol(base, { secret, jwk: { kty, crv, x, y } });
      const opened = await open(given.bundle, { pin, event, now: this.clock() });
      const desk = { id: given.desk, name: given.name, event, rights: given.rights, cap: given.cap, pin, base, key: pair.privateKey };
      const kept = { token: given.bundle, hash: opened.hash, version: opened.bundle.version, etag: null };
      await this.memory.clear();
      await this.memory.keep({ desk, bundle: kept, epoch: AT_THE_OFFICE, acknowledged: 0, after: 0 });
    } catch (error) {
      if ([CutOffError, RefusedError, BundleError].some((kind) => error instanceof kind)) throw new DeskError(error.message);
      throw error;
    }
    await this.load();
    await this.#enter({ kind: "opened" });
  }

  /** Take in a newer bundle. BundleError where it is refused: the one at hand stays. */
  async takeIn(token, etag = null) {
    const seen = await this.memory.fact("bundle");
    const opened = await open(token, { pin: this.desk.pin, event: this.desk.event, seen, now: this.clock() });
    const kept = { token, hash: opened.hash, version: opened.bundle.version, etag };
    await this.memory.keep({ bundle: kept });
    await this.#use(opened, kept);
  }

  /** `usable`, `expired` or `clock`: whether the data may be relied upon at this moment. */
  get standing() {
    return standing(this.bundle, this.clock());
  }

  get now() {
    return ringNow({ epoch: this.epoch, reached: this.cutOffSince === null, office: this.bundle.made_by.name });
  }

  get left() {
    return provisionalLeft(this.#withOwnCap(), this.own);
  }

  get unsent() {
    return this.own.filter((entry) => entry.seq > this.acknowledged).length;
  }

  get isLead() {
    return this.desk.rights.includes("lead");
  }

  /** What to say to the text of a code, a token or a file: `{answer, verdict, text, requestId, millis}`.
   * `answer.kind` is `unreadable` for what is no badge, `dictionary_missing` or `page_old` for what needs an update,
   * `proof_inside` for what only whoever decides can check, and that one is not reached.
   */
  async look(text) {
    const began = performance.now();
    const token = tokenIn(text);
    const looked = { text: token ?? text, requestId: crypto.randomUUID(), verdict: null };
    const simple = (kind, more = {}) => ({ ...looked, answer: { kind, reason: kind, percent: 0, holders: [], achievement: "", name: null, ...more } });
    if (this.revoked) return simple("revoked");
    if (this.standing !== "usable") return simple(this.standing === "clock" ? "clock_wrong" : "bundle_expired");
    if (LOOKUP.test(text.trim())) {
      const found = await this.#lookUp(text.trim());
      return found === null ? simple("short_code") : this.look(found);
    }
    if (hasProofInside(text)) return this.#lookThere(text.trim(), { looked, simple, began });
    let badge;
    try {
      badge = token === null ? readBadge(text) : { token };
    } catch (error) {
      if (error instanceof FormatError) return simple("unreadable");
      throw error;
    }
    const verdict = await verify(badge, { trust: this.trust, now: this.clock() });
    const verified = performance.now() - began;
    const unpacking = verdict.checks.find((check) => check.id === "unpacking");
    if (unpacking?.state === "unknown") return simple(badge.packed[0] === 1 ? "dictionary_missing" : "page_old");
    if (unpacking?.state === "fail" || verdict.checks.find((check) => check.id === "token")?.state === "fail") return simple("unreadable");
    return this.#decided(verdict, { looked, verified, began });
  }

  /* A proof inside the JSON is checked by whoever decides, where that one is reached; nothing is known else. */
  async #lookThere(text, { looked, simple, began }) {
    const { ring, ask } = this.now;
    if (ask === null || ring === CUT_OFF) return simple("proof_inside");
    try {
      const verdict = await this.venue.look(ask, { badge: text, epoch: this.epoch.epoch });
      return await this.#decided(verdict, { looked: { ...looked, text }, verified: performance.now() - began, began });
    } catch (error) {
      if (error instanceof CutOffError) this.#lost();
      else if (!(error instanceof RefusedError)) throw error;
      else if (error.status === 422) return simple("unreadable");
      else this.#refused(error);
      return simple("proof_inside");
    }
  }

  async #decided(verdict, { looked, verified, began }) {
    const grants = standingGrants([...this.own, ...this.others]);
    const answer = await decide(verdict, { bundle: this.bundle, grants, now: this.clock() });
    const requestId = (await this.#pending(answer.holders)) ?? looked.requestId;
    return { ...looked, requestId, verdict, answer, verified, millis: performance.now() - began };
  }

  /** The badge that a lookup code or a short code leads to, as a token; null where nobody has it or can be asked. */
  async #lookUp(code) {
    for (const base of new Set([this.now.ask, this.desk.base, this.bundle.made_by.name])) {
      try {
        const found = base ? await this.venue.lookUp(base, { code, epoch: this.epoch.epoch }) : null;
        if (typeof found === "string" && tokenIn(found) !== null) return found;
      } catch (error) {
        if (!(error instanceof CutOffError || error instanceof RefusedError)) throw error;
      }
    }
    return null;
  }

  /** Ask whoever decides for the grant, once the name was compared: `{kind, percent, voucher, reason, ring}`.
   * `cut_off`: nobody answered; `look.requestId` stays the same when it is asked again or granted provisionally.
   */
  async redeem(look) {
    const { answer, requestId, text } = look;
    if (this.rehearsing) return { kind: "granted", percent: answer.percent, rehearsal: true };
    await this.memory.begin({ requestId, holders: answer.holders, at: this.clock() });
    const { ring, ask } = this.now;
    if (ask === null || ring === CUT_OFF) return { kind: "cut_off" };
    try {
      return await this.#ask(ask, look, { text, requestId, again: true });
    } catch (error) {
      if (!(error instanceof CutOffError)) throw error;
      this.#lost();
      return { kind: "cut_off" };
    }
  }

  /** Grant provisionally, with the name that was typed from the ID; null where this desk may not. */
  async grantProvisionally(look, name) {
    if (!mayGrantProvisionally(look.answer, this.left) || name.trim() === "") return null;
    const { answer, requestId } = look;
    if (this.rehearsing) return { kind: "provisional", percent: answer.percent, rehearsal: true };
    const { value } = this.bundle.event.provisional;
    await this.#enter(
      { kind: "provisional", ring: CUT_OFF, request_id: requestId, ...this.#given(answer), value, name: name.trim().slice(0, 100) },
      { settles: requestId },
    );
    return { kind: "provisional", percent: answer.percent };
  }

  /** A lead gives it all the same; it counts as one of the provisional grants. */
  async override(look, { percent, reason, initials }) {
    if (this.rehearsing) return { kind: "provisional", percent, rehearsal: true };
    const { answer, requestId } = look;
    const value = this.bundle.event.provisional?.value ?? 0;
    const words = { reason: reason.slice(0, 200), initials: initials.slice(0, 20) };
    const given = { ...this.#given(answer), percent, value };
    await this.#enter({ kind: "override", ring: CUT_OFF, request_id: requestId, ...given, ...words }, { settles: requestId });
    return { kind: "provisional", percent };
  }

  /** Write down that somebody was sent away. */
  async refuse(look, reason) {
    if (this.rehearsing) return;
    await this.#enter({ kind: "refused", request_id: look.requestId, reason: reason.slice(0, 200) }, { settles: look.requestId });
  }

  async note(reason, initials) {
    if (!this.rehearsing) await this.#enter({ kind: "note", reason: reason.slice(0, 200), initials: initials.slice(0, 20) });
  }

  /** Take a grant of this desk back. False where whoever granted it has to be reached for that and is not. */
  async undo(entry, { reason, initials }) {
    if (entry.kind === "granted") {
      const { ring, ask } = this.now;
      if (ring === CUT_OFF) return false;
      try {
        await this.venue.undo(ask, { requestId: entry.request_id, desk: entry.desk, reason, initials, epoch: this.epoch.epoch });
      } catch (error) {
        if (error instanceof CutOffError) return false;
        if (error instanceof RefusedError) throw new DeskError(error.message);
        throw error;
      }
    }
    await this.#enter({ kind: "undo", request_id: entry.request_id, reason, initials });
    return true;
  }

  /** What was granted here and stands, newest first. */
  get grants() {
    return standingGrants(this.own).reverse();
  }

  /** The journal's tokens, for a file or a series of codes. */
  async journal() {
    return (await this.memory.journal()).map((entry) => entry.token);
  }

  /** The bundle and all entries that others carried here. */
  async learn(tokens) {
    const learned = await this.#readable(tokens.map((entry) => ({ entry })));
    await this.memory.learn(learned);
    this.others = (await this.memory.others()).map((entry) => entry.claims);
  }

  /** Meet whoever decides: who decides now, what time it is, a newer bundle, the journals. Never throws for a network
   * that is not there.
   */
  async meet() {
    if (this.desk === null || this.rehearsing) return;
    try {
      await this.#learnWhoDecides();
      const { ask } = this.now;
      if (ask === null) return; // nobody is asked while two claim to decide
      const there = await this.venue.now(ask);
      this.#reached(there);
      if (there.version > this.bundle.version) await this.#update(ask);
      if (this.standing === "usable") await this.#exchange(ask);
      await this.#finishWhatIsOver(parse(there.time));
    } catch (error) {
      if (error instanceof CutOffError) {
        this.#lost();
        if (this.unsent === 0) await this.#finishWhatIsOver(this.clock()); // a wrong clock here loses nothing
      } else if (error instanceof RefusedError) this.#refused(error);
      else if (!(error instanceof BundleError)) throw error;
    }
  }

  /** Fetch a newer bundle now; BundleError, CutOffError or RefusedError say why there is none. */
  async update() {
    await this.#update(this.now.ask ?? this.desk.base);
  }

  /** A lead's statement that gives the event to another hub (or, with null, to the office) after a hub died. */
  async takeOver(holder, reason) {
    const claims = await takeover(this.epoch, { event: this.desk.event, holder, at: this.#stamp(), reason });
    const token = await sign(claims, { key: this.desk.key, kid: this.desk.id, typ: "desk-epoch+jwt" });
    await this.#follow([token]);
    const base = holder === null ? this.bundle.made_by.name : holder.url;
    await this.venue.tell(base, [...(await this.memory.fact("epochs")), token].filter(Boolean));
  }

  /** Close the desk: everything was sent, and this device forgets. */
  async close() {
    if (this.own.at(-1)?.kind !== "closed") await this.#enter({ kind: "closed" });
    await this.meet();
    if (this.desk !== null && this.unsent > 0) return false;
    await this.memory.clear();
    this.desk = null;
    return true;
  }

  async #use(opened, kept) {
    this.bundle = opened.bundle;
    this.trust = opened.trust;
    this.kept = kept;
    const mine = this.bundle.desks.find((desk) => desk.id === this.desk.id);
    this.revoked = mine?.state === "revoked";
    if (mine !== undefined) Object.assign(this.desk, { name: mine.name, rights: mine.rights, cap: mine.cap });
    await this.#follow(this.bundle.epochs);
  }

  async #follow(tokens) {
    const keys = { epochJwk: this.bundle.made_by.epoch_jwk, desks: this.bundle.desks };
    const next = await advance(this.epoch, tokens, { event: this.desk.event, keys });
    if (next === this.epoch) return;
    const statements = [...new Set([...((await this.memory.fact("epochs")) ?? []), ...tokens])];
    await this.memory.keep({ epoch: next, epochs: statements });
    if (next.epoch > this.epoch.epoch) this.reachedAt = null; // somebody else decides: not reached yet
    this.epoch = next;
  }

  async #learnWhoDecides() {
    const places = new Set([this.now.ask, this.desk.base, this.bundle.hub?.url, this.bundle.made_by.name].filter(Boolean));
    for (const place of places) {
      try {
        const there = await this.venue.now(place);
        if (there.epoch > this.epoch.epoch || (there.epoch === this.epoch.epoch && (there.epoch_hash ?? null) !== this.epoch.hash)) {
          await this.#follow(await this.venue.epochs(place));
        } else if (there.epoch < this.epoch.epoch) {
          await this.venue.tell(place, (await this.memory.fact("epochs")) ?? []).catch(() => {});
        }
        if (place === this.now.ask) return; // whoever decides answered: nobody else need be asked
      } catch (error) {
        if (!(error instanceof CutOffError || error instanceof RefusedError)) throw error;
      }
    }
  }

  async #ask(base, look, { text, requestId, again }) {
    const { answer } = look;
    const { ring } = this.now;
    const { hash } = this.epoch;
    try {
      const { body } = await this.venue.redeem(base, { badge: text, proof: answer.proof, requestId, epoch: this.epoch.epoch });
      if (this.epoch.hash !== hash) return { kind: "lost", reason: "newer_epoch" }; // somebody else decides by now
      this.#answered();
      const given = { ...this.#given(answer), percent: body.percent ?? answer.percent };
      await this.#enter({ kind: "granted", ring, request_id: requestId, ...given }, { settles: requestId });
      return { kind: "granted", percent: given.percent, voucher: body.voucher ?? null, ring };
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const { reason, code } = error.problem;
      if (error.status === 503 && ["venue_decides", "online_decides", "newer_epoch"].includes(reason) && again) {
        await this.#learnWhoDecides();
        const { ask } = this.now;
        return ask === null ? { kind: "cut_off" } : this.#ask(ask, look, { text, requestId, again: false });
      }
      if (error.status === 503) return { kind: "lost", reason: reason ?? "could_not_tell" };
      this.#refused(error);
      await this.refuse(look, reason ?? code ?? `status ${error.status}`);
      if (error.status === 409) return { kind: "ticket_queue", reason: "already_redeemed", at: error.problem.redeemed_at ?? null };
      return { kind: kindOf(reason), reason: reason ?? code ?? "could_not_tell", detail: error.message };
    }
  }

  async #exchange(base) {
    const epoch = this.epoch.epoch;
    const { id } = this.desk;
    const last = this.own.at(-1)?.seq ?? 0;
    let { has } = await this.venue.journal(base, { entries: [], last, epoch });
    for (;;) {
      const upto = has[id]?.upto ?? 0;
      const waiting = (await this.memory.journal()).filter((entry) => entry.seq > upto).slice(0, ENTRIES_AT_ONCE);
      if (upto !== this.acknowledged) await this.memory.keep({ acknowledged: upto });
      this.acknowledged = upto;
      if (waiting.length === 0) break;
      const before = upto;
      ({ has } = await this.venue.journal(base, { entries: waiting.map((entry) => entry.token), last, epoch }));
      if ((has[id]?.upto ?? 0) <= before) break; // refused: shown as not sent
    }
    for (;;) {
      const key = `after ${base}`;
      const after = (await this.memory.fact(key)) ?? 0;
      const { entries, next } = await this.venue.others(base, { after, epoch });
      await this.memory.learn(await this.#readable(entries), { [key]: next });
      if (entries.length === 0 || next === after) break;
    }
    this.others = (await this.memory.others()).map((entry) => entry.claims);
  }

  /* Entries of other desks whose signature fits; those of this desk it knows itself. */
  async #readable(entries) {
    const read = [];
    for (const { entry: token } of entries) {
      try {
        const { kid } = unverified(token);
        const desk = this.bundle.desks.find((each) => each.id === kid);
        if (desk === undefined || kid === this.desk.id) continue;
        const claims = await readSigned(token, { jwk: desk.jwk, typ: "desk-journal+jwt" });
        if (claims.event === this.desk.event && claims.desk === kid) read.push({ id: await hashOf(token), claims });
      } catch {
        // what is not sound is not believed; the office shows it
      }
    }
    return read;
  }

  async #update(base) {
    const newer = await this.venue.bundle(base, { etag: this.kept.etag, epoch: this.epoch.epoch });
    if (newer !== null && newer.token !== this.kept.token) await this.takeIn(newer.token, newer.etag);
  }

  async #enter(claims, { settles = null } = {}) {
    const make = async (last) => {
      const whole = {
        ...{ layout: 1, event: this.desk.event, desk: this.desk.id, seq: (last?.seq ?? 0) + 1 },
        ...{ prev: last === null ? null : await hashOf(last.token), at: this.#stamp(), epoch: this.epoch.epoch },
        ...claims,
      };
      const token = await sign(whole, { key: this.desk.key, kid: this.desk.id, typ: "desk-journal+jwt" });
      return { seq: whole.seq, token, claims: whole };
    };
    const entry = await this.memory.enter(make, { settles });
    this.own.push(entry.claims);
    return entry;
  }

  /* The request under way for one of these holders: asked again, it gives the same grant and no second one. */
  async #pending(holders) {
    const requests = await this.memory.requests();
    return requests.find((request) => request.holders.some((holder) => holders.includes(holder)))?.requestId;
  }

  async #finishWhatIsOver(now) {
    if (now < parse(this.bundle.event.journals_until)) return;
    await this.memory.clear();
    this.desk = null;
  }

  #given({ holders, percent, issuer, achievementId }) {
    return { entitlement: this.bundle.event.entitlement, issuer: issuer ?? "", achievement: achievementId ?? "", holders, percent };
  }

  #withOwnCap() {
    const { provisional } = this.bundle.event;
    return { event: { provisional: provisional === null ? null : { ...provisional, cap: this.desk.cap ?? provisional.cap } } };
  }

  #reached(there) {
    this.#answered();
    const differs = Math.abs(parse(there.time) - this.clock()) > MOST_CLOCK_DIFFERENCE;
    this.clockDiffers = differs ? there.time : null;
  }

  #answered() {
    this.reachedAt = this.clock();
    this.cutOffSince = null;
  }

  #lost() {
    this.cutOffSince ??= this.clock();
  }

  #refused({ problem: { code, time } }) {
    if (code === "revoked") this.revoked = true;
    if (code === "clock") this.clockDiffers = time;
  }

  #stamp() {
    return new Date(this.clock()).toISOString();
  }
}

/* Whether a text is a document with its proof inside it, which this page cannot check. */
function hasProofInside(text) {
  if (!text.trimStart().startsWith("{")) return false;
  try {
    return has(readObject(utf8(text.trim())), "proof");
  } catch (error) {
    if (error instanceof StrictJsonError) return false;
    throw error;
  }
}

function kindOf(reason) {
  if (["not_accepted_here", "other_period", "nothing_to_redeem"].includes(reason)) return "no_discount";
  if (["no_name_in_badge", "no_address_in_badge", "proof_not_accepted_here"].includes(reason)) return "registration_page";
  return reason === "not_valid" ? "not_valid" : "ask_the_lead";
}

