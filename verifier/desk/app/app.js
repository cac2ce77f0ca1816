/* The desk's page: shows what `desk.js` says, one large answer at a time, and hands it what is seen or pressed. */

import { fromUtf8 } from "../../../keys/browser/bytes.js";
import encodeQR from "../../../keys/browser/vendor/qr.js";
import { Alarm } from "./alarm.js";
import { Answers } from "./answers.js";
import { BundleError } from "./bundle.js";
import { Camera } from "./camera.js";
import { Desk, DeskError } from "./desk.js";
import { duration, moment } from "./moments.js";
import { Memory } from "./memory.js";
import { HUB } from "./rings.js";
import { Collector, isPiece, split } from "./series.js";
import { RefusedError, CutOffError } from "./venue.js";
import { languageOf, speaker } from "./words.js";

const MEET_EVERY = 4_000;
const SAME_CODE_PAUSE = 3_000; // a code that stays before the camera is one scan
const WEDGE_PAUSE = 60; // a scanner that types is faster than any hand

const page = (id) => document.getElementById(id);
const memory = await Memory.open();
const settings = { language: languageOf(navigator.languages), sound: true, ...((await memory.fact("settings")) ?? {}) };
let say = speaker(settings.language);
const alarm = new Alarm(() => settings.sound);
const desk = new Desk(memory);
const collector = new Collector();
const camera = new Camera(page("video"), seen);
const answers = new Answers(page("answer"), desk, { say: (...words) => say(...words), alarm, sentences: sentencesOf, done: next });
let last = { text: null, at: 0 };
let busy = false;
let sentences = null;

/** Which view is shown; the camera runs only while somebody scans. */
async function show(view) {
  for (const name of ["welcome", "scan", "answer", "history", "data"]) page(name).hidden = name !== view;
  for (const tab of document.querySelectorAll("#tabs a")) {
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  document.body.dataset.view = view;
  if (view === "scan") await look();
  else if (view !== "answer" && view !== "data") camera.stop();
  if (view === "history") listEntries();
  if (view === "data") {
    await describeData();
    await look(); // the codes of a bundle are scanned here
  }
}

async function look() {
  page("camera-state").textContent = say("starting");
  try {
    await camera.start();
    page("camera-state").textContent = say("looking");
    page("torch").hidden = !camera.hasTorch;
    page("other-camera").hidden = (await camera.cameras()).length < 2;
  } catch (error) {
    page("camera-state").textContent = say(error?.name === "NotAllowedError" ? "camera_refused" : "camera_missing");
  }
}

/* What the camera reads: the same code again and again, until it is taken away. */
function seen(text) {
  const now = Date.now();
  const again = text === last.text && now - last.at < SAME_CODE_PAUSE;
  last = { text, at: now };
  if (!again) given(text);
}

/* A text from camera, photograph, scanner or hand. */
async function given(text) {
  if (busy || desk.desk === null) return;
  busy = true;
  try {
    if (isPiece(text)) await collected(text);
    else if (["scan", "answer"].includes(document.body.dataset.view) && !answers.isOpen) await answer(text);
  } finally {
    busy = false;
  }
}

async function answer(text) {
  const began = performance.now();
  const looked = await desk.look(text);
  camera.stop();
  await show("answer");
  answers.show(looked);
  document.body.dataset.millis = (performance.now() - began).toFixed(1);
  document.body.dataset.verified = (looked.verified ?? 0).toFixed(1);
}

async function collected(text) {
  await show("data");
  try {
    const { prefix, have, of, missing, tokens } = await collector.add(text);
    page("data-said").textContent = say("series", { have, of, missing: missing.slice(0, 12).join(", ") || "–" });
    if (tokens === null) return;
    if (prefix === "OB1B") await takeIn(tokens[0]);
    else await desk.learn(tokens);
  } catch (error) {
    page("data-said").textContent = error.message;
  }
}

async function takeIn(token) {
  try {
    await desk.takeIn(token.trim());
    page("data-said").textContent = say("imported", { version: desk.bundle.version });
    await describeData();
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    page("data-said").textContent = error.message;
  }
  describeAge();
}

async function next() {
  last = { text: last.text, at: Date.now() };
  page("typed").value = "";
  describeAge();
  await show("scan");
}

function listEntries() {
  const list = page("entries");
  list.replaceChildren();
  const standing = desk.grants;
  const told = [...desk.own].reverse().filter((entry) => !["opened", "closed"].includes(entry.kind));
  if (told.length === 0) list.append(element("li", say("empty_history")));
  for (const entry of told) {
    const item = element("li", `${moment(entry.at, zone(), settings.language)} · ${say(wordOf(entry), { percent: entry.percent ?? 0 })}`);
    if (entry.name) item.append(` · ${entry.name}`);
    if (entry.reason && say(entry.reason) !== say(wordOf(entry))) item.append(` · ${say(entry.reason)}`);
    if (standing.includes(entry)) item.append(" ", button(say("undo"), () => askUndo(entry, item)));
    list.append(item);
  }
}

const WORDS = { granted: "granted", provisional: "provisional", override: "provisional", refused: "not_valid", undo: "undone", note: "lead_here" };
const wordOf = (entry) => (entry.kind === "refused" && entry.reason === "already_redeemed" ? "ticket_queue" : WORDS[entry.kind]);

function askUndo(entry, item) {
  const form = document.createElement("form");
  const why = select(["undo_mistake", "undo_left", "undo_other"].map((key) => [key, say(key)]));
  const initials = input("initials", 20);
  form.append(labelled(say("undo_reason"), why), labelled(say("initials"), initials), submit(say("undo")));
  const said = element("p", "");
  said.setAttribute("role", "status");
  form.append(said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const ring = say(entry.ring === HUB ? "by_hub" : "by_office");
      if (await desk.undo(entry, { reason: why.value, initials: initials.value.trim() })) listEntries();
      else said.textContent = say("undo_needs_network", { ring });
    } catch (error) {
      if (!(error instanceof DeskError)) throw error;
      said.textContent = error.message;
    }
  });
  item.querySelector("button").remove();
  item.append(form);
  why.focus();
}

async function describeData() {
  const state = page("data-state");
  const { bundle } = desk;
  const lines = [
    say("bundle_version", { version: bundle.version }),
    say("as_of", { time: moment(bundle.as_of, zone(), settings.language), age: duration(Date.now() - Date.parse(bundle.as_of), say) }),
    say("expires", { time: moment(bundle.expires, zone(), settings.language) }),
    say((await navigator.storage?.persisted?.()) ? "kept" : "unsaved"),
    ...(desk.unsent > 0 ? [say("unsent", { count: desk.unsent })] : []),
  ];
  state.replaceChildren(...lines.map((line) => element("p", line)));
  page("takeover").hidden = !desk.isLead;
  const journal = (await desk.journal()).join("\n");
  URL.revokeObjectURL(page("export").href);
  page("export").href = URL.createObjectURL(new Blob([journal], { type: "application/octet-stream" }));
  page("export").download = `journal-${desk.desk.id}.jsonl`;
}

async function showCodes() {
  const texts = await split(await desk.journal(), "OB1J");
  const place = page("codes");
  let number = 0;
  const draw = () => {
    const picture = document.createElement("div");
    picture.innerHTML = encodeQR(texts[number], "svg", { ecc: "medium", border: 4, encoding: "alphanumeric" });
    const further = button(say("next_code"), () => {
      number = (number + 1) % texts.length;
      draw();
    });
    place.replaceChildren(element("p", say("code_of", { number: number + 1, count: texts.length })), picture, further);
    place.scrollIntoView({ block: "start" }); // whole, above the lines at the foot
  };
  place.hidden = false;
  draw();
}

/* How old the desk's knowledge is, who decides and is reached, what may still be given: always on the screen. */
function describeAge() {
  const place = page("age");
  if (desk.desk === null) {
    place.replaceChildren();
    return;
  }
  const { bundle, standing, cutOffSince, epoch } = desk;
  const parts = [];
  if (cutOffSince !== null) parts.push(`◌ ${say("cut_off", { age: duration(Date.now() - cutOffSince, say) })}`);
  else if (epoch.disputed) parts.push(`⚠ ${say("disputed")}`);
  else if (desk.reachedAt !== null) parts.push(`● ${say(epoch.holder === "online" ? "office" : "hub")}`);
  const age = duration(Math.max(Date.now() - Date.parse(bundle.as_of), 0), say);
  parts.push(say("as_of", { time: moment(bundle.as_of, zone(), settings.language), age }));
  const { provisional } = bundle.event;
  if (provisional === null) parts.push(say("none_left"));
  else parts.push(say("left", { left: desk.left, cap: desk.desk.cap ?? provisional.cap }));
  if (desk.unsent > 0) parts.push(say("unsent", { count: desk.unsent }));
  const bad = [];
  if (standing === "expired") bad.push(say("bundle_expired"));
  if (standing === "clock") bad.push(say("clock_wrong"));
  if (desk.clockDiffers !== null) bad.push(say("clock_differs", { time: moment(desk.clockDiffers, zone(), settings.language) }));
  if (desk.revoked) bad.push(say("revoked"));
  const spans = [...bad.map((text) => [text, "bad"]), ...parts.map((text) => [text, ""])].map(([text, name]) => {
    const span = element("span", text);
    span.className = name;
    return span;
  });
  if (place.textContent !== spans.map((span) => span.textContent).join("")) place.replaceChildren(...spans);
  document.body.classList.toggle("cut-off", cutOffSince !== null);
  announce([...bad, parts[0]].join(". "), `${cutOffSince !== null} ${epoch.disputed} ${standing} ${desk.revoked} ${desk.clockDiffers}`);
  page("title").textContent = `${bundle.event.name} · ${desk.desk.name}`;
  document.title = `${desk.desk.name} · ${bundle.event.name}`;
}

/* Ages change each second; only what changes for the volunteer is read aloud. */
let announced = "";
function announce(text, state) {
  if (state === announced) return;
  announced = state;
  page("link").textContent = text;
}

const zone = () => desk.bundle.event.time_zone;

/** What a check of the badge says to a volunteer, by the office's own table. */
async function sentencesOf(id, state) {
  sentences ??= await fetch("sentences.json")
    .then((response) => response.json())
    .catch(() => ({}));
  return sentences[settings.language]?.[id]?.[state] ?? sentences.en?.[id]?.[state] ?? "";
}

/* A scanner that types is a keyboard: a fast row of letters that ends with Enter is a code, wherever the focus is. */
function listenForScanners() {
  let typed = "";
  let at = 0;
  document.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    const now = performance.now();
    if (now - at > WEDGE_PAUSE) typed = "";
    at = now;
    if (event.key === "Enter" && typed.length > 8) {
      event.preventDefault();
      answers.close();
      given(typed);
      typed = "";
    } else if (event.key.length === 1) typed += event.key;
  });
}

function speak() {
  say = speaker(settings.language);
  document.documentElement.lang = settings.language;
  for (const each of document.querySelectorAll("[data-say]")) each.textContent = say(each.dataset.say);
  page("language").value = settings.language;
}

async function keepSettings(more) {
  Object.assign(settings, more);
  await memory.keep({ settings: { ...settings } });
}

async function meet() {
  await desk.meet();
  if (desk.desk === null && document.body.dataset.view !== "welcome") {
    page("welcome-text").textContent = say("deleted");
    page("tabs").hidden = true;
    await show("welcome");
  }
  describeAge();
  if (document.body.dataset.view === "data") await describeData();
}

async function enrolled() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (!wanted.has("enrol")) return desk.load();
  history.replaceState(null, "", location.pathname); // the secret leaves the address bar
  page("welcome-text").textContent = say("enrolling");
  try {
    await desk.enrol(location.origin, { secret: wanted.get("enrol"), event: wanted.get("event"), pin: wanted.get("key") });
    await keepSettings({});
    await navigator.storage?.persist?.();
    return true;
  } catch (error) {
    if (!(error instanceof DeskError)) throw error;
    page("welcome-text").textContent = say("enrol_failed", { reason: error.message });
    return desk.load();
  }
}

function listen() {
  for (const tab of document.querySelectorAll("#tabs a")) {
    tab.addEventListener("click", (event) => {
      event.preventDefault();
      answers.close();
      show(tab.dataset.view);
    });
  }
  page("typed-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = page("typed").value; // spaces inside and at its ends belong to a code
    if (text !== "") given(text);
  });
  page("photo").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) await fromFile(file);
  });
  page("bundle-file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) await takeIn(await file.text());
  });
  page("torch").addEventListener("click", async ({ target }) => {
    const on = target.getAttribute("aria-pressed") !== "true";
    await camera.torch(on);
    target.setAttribute("aria-pressed", String(on));
  });
  page("other-camera").addEventListener("click", async () => {
    const all = await camera.cameras();
    const at = all.findIndex((each) => each.id === camera.current);
    await camera.choose(all[(at + 1) % all.length].id);
  });
  page("update").addEventListener("click", async () => {
    page("data-said").textContent = say("working");
    try {
      await desk.update();
      page("data-said").textContent = say("updated");
    } catch (error) {
      if (![BundleError, CutOffError, RefusedError].some((kind) => error instanceof kind)) throw error;
      page("data-said").textContent = error.message;
    }
    await describeData();
    describeAge();
  });
  page("show-codes").addEventListener("click", showCodes);
  page("rehearse").addEventListener("click", ({ target }) => {
    desk.rehearsing = !desk.rehearsing;
    target.setAttribute("aria-pressed", String(desk.rehearsing));
    page("rehearsal").hidden = !desk.rehearsing;
  });
  page("sound").addEventListener("click", async ({ target }) => {
    await keepSettings({ sound: !settings.sound });
    target.setAttribute("aria-pressed", String(settings.sound));
  });
  page("language").addEventListener("change", async ({ target }) => {
    await keepSettings({ language: target.value });
    speak();
    await describeData();
    describeAge();
  });
  page("takeover").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { jwk, url } = JSON.parse(page("takeover-text").value);
      await desk.takeOver({ jwk, url }, page("takeover-reason").value);
      await meet();
    } catch (error) {
      page("data-said").textContent = error.message;
    }
  });
  page("close").addEventListener("click", async () => {
    const closed = await desk.close();
    if (closed) location.reload();
    else page("data-said").textContent = say("close_unsent");
  });
}

async function fromFile(file) {
  if (!file.type.startsWith("image/")) {
    await given(await textOf(file));
    return;
  }
  page("camera-state").textContent = say("working");
  const texts = await camera.read(file).catch(() => []);
  if (texts.length > 0) await given(texts[0]);
  else page("camera-state").textContent = say("unreadable_do");
}

async function textOf(file) {
  try {
    return fromUtf8(new Uint8Array(await file.arrayBuffer()));
  } catch {
    return "";
  }
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function button(text, act) {
  const made = element("button", text);
  made.type = "button";
  made.className = "button";
  made.addEventListener("click", act);
  return made;
}

function submit(text) {
  const made = element("button", text);
  made.className = "button";
  return made;
}

function input(name, longest) {
  const made = document.createElement("input");
  Object.assign(made, { name, maxLength: longest, autocomplete: "off", required: true });
  return made;
}

function select(options) {
  const made = document.createElement("select");
  for (const [value, text] of options) {
    const option = element("option", text);
    option.value = value;
    made.append(option);
  }
  return made;
}

function labelled(text, field) {
  const label = element("label", `${text} `);
  label.append(field);
  return label;
}

speak();
listen();
listenForScanners();
page("sound").setAttribute("aria-pressed", String(settings.sound));
await show("welcome");
if ("serviceWorker" in navigator) navigator.serviceWorker.register("service-worker.js").catch(() => {});
if (await enrolled()) {
  page("tabs").hidden = false;
  describeAge();
  await show("scan");
  meet();
}
addEventListener("hashchange", () => {
  if (location.hash.includes("enrol=")) location.reload(); // the code of a desk, scanned while the page is open
});
setInterval(() => meet().catch((error) => console.error(error)), MEET_EVERY);
setInterval(describeAge, 1_000);
document.body.dataset.ready = "yes";
