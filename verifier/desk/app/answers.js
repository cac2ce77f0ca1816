/* One answer on the screen: a large word, what to do next, and the acts that are possible now. */

import { isAddressOf } from "../../../keys/browser/content.js";
import { dayOf, moment } from "./moments.js";
import { CUT_OFF, HUB, mayGrantProvisionally } from "./rings.js";

const LOOKS = {
  grant: ["pass", "✓"],
  granted: ["pass", "✓"],
  provisional: ["unknown", "◌"],
  not_valid: ["fail", "✕"],
  name_differs: ["fail", "✕"],
  address_differs: ["fail", "✕"],
  unreadable: ["fail", "✕"],
  revoked: ["fail", "✕"],
  bundle_expired: ["unknown", "?"],
  clock_wrong: ["unknown", "?"],
  dictionary_missing: ["unknown", "?"],
  page_old: ["unknown", "?"],
  proof_inside: ["unknown", "?"],
  ask_the_lead: ["unknown", "?"],
  lost: ["unknown", "?"],
  cut_off: ["unknown", "◌"],
  ticket_queue: ["calm", "→"],
  no_discount: ["calm", "→"],
  registration_page: ["calm", "→"],
  short_code: ["calm", "→"],
};
const BY_MAIL = "mail_against_order";
const NOT_CONFIRMED = { name_against_id: "name_not_confirmed", [BY_MAIL]: "address_not_confirmed" }; // written down when it was said
const WORD = { short_code: "unreadable", cut_off: "ask_the_lead", lost: "ask_the_lead", no_discount: "no_discount", address_differs: "address_other" };
const WHOLE_SENTENCE = ["bundle_expired", "dictionary_missing", "proof_inside", "revoked", "unreadable", "short_code"];

export class Answers {
  /** `place`: the section that shows it; `done()`: the next person comes. */
  constructor(place, desk, { say, alarm, sentences, done }) {
    Object.assign(this, { place, desk, say, alarm, sentences, done });
    this.isOpen = false;
  }

  close() {
    this.isOpen = false;
  }

  /** The answer to a look at a badge. */
  show(looked) {
    this.isOpen = true;
    this.looked = looked;
    const { answer } = looked;
    if (answer.kind === "grant") this.#offer();
    else this.#tell(answer.kind, { ...answer, gives: answer.achievement });
  }

  #offer() {
    const { answer } = this.looked;
    const { ring } = this.desk.now;
    const provisional = ring === CUT_OFF;
    if (provisional && !this.desk.rehearsing && !mayGrantProvisionally(answer, this.desk.left)) {
      this.#tell("cut_off", { ...answer, sentence: this.say(answer.foreign ? "cut_off_foreign" : "cut_off_no_more") });
      return;
    }
    if (answer.proof === BY_MAIL && !this.looked.compared) {
      this.#offerByMail();
      return;
    }
    if (provisional && !this.desk.rehearsing) {
      this.#offerProvisionally();
      return;
    }
    this.#draw("grant", {
      word: this.say("grant", { percent: answer.percent }),
      lines: [line(answer.achievement, "gives"), ...this.#compared()],
      acts: [
        act(this.say(answer.proof === BY_MAIL ? "ask_again" : "match"), () => this.#redeem(), "first"),
        act(this.say("differs"), () => this.#differs()),
        act(this.say("ask_lead"), () => this.#tell("ask_the_lead", { ...answer, reason: "held_for_a_person" })),
      ],
    });
  }

  /* What is, or was, compared: the name with an ID, or the address on the order. */
  #compared() {
    const { name, proof } = this.looked.answer;
    return proof === BY_MAIL ? [line(this.say("address_same"))] : [line(this.say("compare")), line(name, "name")];
  }

  /* The badge carries no name: the address on the order is compared here, with the hash in the badge, and kept nowhere. */
  #offerByMail() {
    const { answer } = this.looked;
    const { form, typed } = this.#field("order-address", "type_address", "compare_address", { type: "email", maxLength: 254 });
    const said = Object.assign(line(""), { role: "status" });
    form.append(said);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const matches = await isAddressOf(typed.value, this.looked.verdict.statement.hashedAddresses);
      typed.value = "";
      if (!matches) {
        said.textContent = this.say("address_differs");
        said.className = "problem";
        typed.focus();
        said.scrollIntoView({ block: "center" });
        return;
      }
      this.looked.compared = true;
      if (this.desk.now.ring === CUT_OFF && !this.desk.rehearsing) this.#offer();
      else await this.#redeem();
    });
    this.#draw("grant", {
      word: this.say("grant", { percent: answer.percent }),
      lines: [line(answer.achievement, "gives"), line(this.say("no_name"))],
      form,
      acts: [
        act(this.say("address_other"), () => this.#differs()),
        act(this.say("ask_lead"), () => this.#tell("ask_the_lead", { ...answer, reason: "held_for_a_person" })),
      ],
    });
  }

  /* A form of one field and its button. */
  #field(id, label, button, more) {
    const form = document.createElement("form");
    const typed = Object.assign(document.createElement("input"), { required: true, autocomplete: "off", id, ...more });
    const said = Object.assign(line(this.say(label), "", "label"), { htmlFor: id });
    const press = Object.assign(line(this.say(button), "button first", "button"), { type: "submit" });
    form.append(said, typed, press);
    return { form, typed, press };
  }

  #offerProvisionally() {
    const { answer } = this.looked;
    const by = answer.proof === BY_MAIL ? "give_provisional" : "match_provisional";
    const { form, typed, press: give } = this.#field("id-name", "type_name", by, { maxLength: 100 });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      give.disabled = true;
      const given = await this.desk.grantProvisionally(this.looked, typed.value);
      if (given === null) this.#tell("cut_off", { ...answer, sentence: this.say("cut_off_no_more") });
      else this.#given(given);
    });
    this.#draw("provisional", {
      word: this.say("provisional", { percent: answer.percent }),
      lines: [
        line(answer.achievement, "gives"),
        ...this.#compared(),
        line(this.say("provisional_why", { left: this.desk.left })),
      ],
      form,
      acts: [act(this.say("differs"), () => this.#differs()), act(this.say("ask_again"), () => this.#again())],
    });
  }

  async #redeem() {
    this.#draw("grant", { word: this.say("working"), lines: [line(this.looked.answer.name, "name")], acts: [], quiet: true });
    this.#given(await this.desk.redeem(this.looked));
  }

  async #again() {
    await this.desk.meet();
    if (this.desk.now.ring === CUT_OFF) this.#offer();
    else await this.#redeem();
  }

  async #differs() {
    const reason = NOT_CONFIRMED[this.looked.answer.proof];
    await this.desk.refuse(this.looked, reason);
    this.#tell(this.looked.answer.proof === BY_MAIL ? "address_differs" : "name_differs", { ...this.looked.answer, reason });
  }

  #given(given) {
    const { answer } = this.looked;
    if (given.kind === "cut_off") {
      this.#offer();
      return;
    }
    const told = { ...answer, ...given, gives: answer.achievement };
    if (given.kind === "granted") told.sentence = this.say(given.rehearsal ? "rehearsal_granted" : given.ring === HUB ? "granted_hub_do" : "granted_do");
    if (given.kind === "provisional") told.sentence = this.say(given.rehearsal ? "rehearsal_granted" : "provisional_do");
    if (given.kind === "lost") told.sentence = this.say("lost");
    this.#tell(given.kind, told);
  }

  /* An answer after which the next person comes. */
  #tell(kind, told) {
    const lines = [];
    if (told.gives) lines.push(line(told.gives, "gives"));
    if (kind === "granted" || kind === "provisional") lines.push(line(told.name ?? "", "name"));
    lines.push(line(told.sentence ?? this.#sentence(kind, told)));
    if (kind === "ticket_queue") lines.push(line(this.say("queue_do")));
    if (told.voucher) lines.push(line(told.voucher, "voucher"));
    const acts = [act(this.say("next"), () => this.#finish(), "first")];
    if (kind === "lost") acts.unshift(act(this.say("ask_again"), () => this.#again()));
    if (kind === "cut_off") acts.push(act(this.say("ask_again"), () => this.#again()));
    const hasReasons = this.looked.verdict !== null && !["granted", "provisional", "ticket_queue"].includes(kind);
    if (hasReasons) acts.push(act(this.say("lead_here"), (pressed) => this.#lead(kind, pressed)));
    if (["not_valid", "ask_the_lead"].includes(kind) && !Object.values(NOT_CONFIRMED).includes(told.reason)) {
      this.desk.refuse(this.looked, told.reason ?? kind);
    }
    const word = this.say(WORD[kind] ?? kind, { percent: told.percent });
    this.#draw(kind, { word, lines, acts });
  }

  #sentence(kind, { reason, day, grant, at }) {
    if (kind === "ticket_queue") return this.#whenUsed({ day, grant, at });
    if (kind === "not_valid") return this.say("refuse_say");
    if (kind === "clock_wrong") {
      const zone = this.desk.bundle.event.time_zone;
      const [now, asOf] = [new Date().toISOString(), this.desk.bundle.as_of].map((each) => moment(each, zone, document.documentElement.lang));
      return this.say("clock_wrong_do", { now, asOf });
    }
    return this.say(WHOLE_SENTENCE.includes(kind) ? `${kind}_do` : (reason ?? kind));
  }

  #whenUsed({ day, grant, at }) {
    const { lang } = document.documentElement;
    const zone = this.desk.bundle.event.time_zone;
    if (day) return this.say("used_online", { day: dayOf(day, lang) });
    if (grant) {
      const key = grant.desk === this.desk.desk.id ? "used_here" : "used_other";
      const name = this.desk.bundle.desks.find((each) => each.id === grant.desk)?.name ?? grant.desk;
      return this.say(key, { time: moment(grant.at, zone, lang), desk: name });
    }
    return at ? this.say("used_online", { day: moment(at, zone, lang) }) : this.say("used_already");
  }

  /* The lead gives initials, which are written down, and then sees the reasons in full. */
  #lead(kind, pressed) {
    pressed.remove();
    const form = document.createElement("form");
    const initials = Object.assign(document.createElement("input"), { maxLength: 20, required: true, autocomplete: "off", id: "lead-initials" });
    const label = line(this.say("initials"), "", "label");
    label.htmlFor = initials.id;
    form.append(label, initials, line(this.say("lead_reason"), "button", "button"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await this.desk.note(`looked at the reasons: ${this.looked.answer.reason}`, initials.value.trim());
      const told = await this.#reasons(kind, initials.value.trim());
      form.replaceWith(told);
      told.querySelector("h2").tabIndex = -1;
      told.querySelector("h2").focus(); // where the focus was is gone
    });
    this.place.querySelector(".actions").after(form);
    initials.focus();
  }

  async #reasons(kind, initials) {
    const section = document.createElement("section");
    section.append(line(this.say("why"), "", "h2"));
    const list = document.createElement("ul");
    const failing = this.looked.verdict.checks.filter((check) => check.made && check.state !== "pass");
    for (const check of failing) {
      const sentence = await this.sentences(check.id, check.state);
      list.append(line(`${sentence} (${check.id}: ${check.evidence || check.state})`, "", "li"));
    }
    if (failing.length === 0) list.append(line(`${this.say("checks_passed")} (${this.looked.answer.reason})`, "", "li"));
    section.append(list, this.#overriding(kind, initials));
    return section;
  }

  #overriding(kind, initials) {
    const form = document.createElement("form");
    const { provisional } = this.desk.bundle.event;
    if (!this.looked.verdict.statement || kind === "not_valid" || provisional === null) return form;
    const percents = [...new Set(this.desk.bundle.event.accept.map((entry) => entry.percent))].sort((one, other) => other - one);
    const percent = document.createElement("select");
    percent.setAttribute("aria-label", "%");
    percent.append(...percents.map((each) => Object.assign(document.createElement("option"), { value: each, textContent: `${each} %` })));
    const reason = Object.assign(document.createElement("input"), { maxLength: 200, required: true, autocomplete: "off", id: "lead-reason" });
    const label = line(this.say("reason"), "", "label");
    label.htmlFor = reason.id;
    form.append(line(this.say("override"), "", "h2"), line(this.say("override_do")), percent, label, reason, line(this.say("override"), "button", "button"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      this.#given(await this.desk.override(this.looked, { percent: Number(percent.value), reason: reason.value, initials }));
    });
    return form;
  }

  #finish() {
    this.isOpen = false;
    this.done();
  }

  #draw(kind, { word, lines, acts, form = null, quiet = false }) {
    const [look, mark] = LOOKS[kind] ?? LOOKS.ask_the_lead;
    const box = document.createElement("div");
    box.className = `answer ${look}`;
    box.setAttribute("role", "status");
    const heading = document.createElement("h1");
    heading.className = "word";
    heading.append(Object.assign(document.createElement("span"), { textContent: `${mark} ` }), word);
    heading.firstChild.setAttribute("aria-hidden", "true");
    heading.tabIndex = -1;
    box.append(heading, ...lines);
    const actions = document.createElement("div");
    actions.className = "actions";
    actions.append(...acts);
    this.place.replaceChildren(box, ...(form === null ? [] : [form]), actions);
    this.place.dataset.kind = kind;
    heading.focus();
    if (!quiet) this.alarm.tell(look);
  }
}

function line(text, name = "", tag = "p") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

function act(text, done, more = "") {
  const made = line(text, `button ${more}`.trim(), "button");
  made.type = "button";
  made.addEventListener("click", () => {
    made.disabled = true; // a double tap asks once
    done(made);
  });
  return made;
}
