/* The page `/v`, to which the code on paper leads: the badge stands after the `#` of the address, which no server sees.
 * It is read, taken out of the address bar, and verified here; only public documents are fetched.
 */

import { dictionaryOf, readDictionary, readText, unpack } from "./badge-code.js";
import { FormatError } from "./bytes.js";
import { issuerOf } from "./content.js";
import { StrictJsonError, readObject } from "./strict-json.js";
import { SignatureError, parse } from "./tokens.js";
import { verify } from "./verify.js";

const MAX_DOCUMENT_BYTES = 1 << 20;
const PATIENCE = 15_000;
const STATUS_AGE_LIMIT = 3_600_000;
const LOOKS = { valid: ["pass", "✓"], not_valid: ["fail", "✕"], unknown: ["unknown", "?"] };
const WORD = { pass: "✓", fail: "✕", unknown: "?" };

const place = document.getElementById("scanned");
const words = JSON.parse(document.getElementById("words").textContent);
const digits = location.hash.slice(1);

if (digits !== "") {
  history.replaceState(null, "", location.pathname + location.search);
  say(words.working);
  show(await looked(`https://${location.host}/v#${digits}`));
}

async function looked(text) {
  const trust = { didDocuments: new Map(), statusLists: new Map(), dictionaries: new Map(), statusAgeLimit: STATUS_AGE_LIMIT };
  let packed;
  try {
    packed = readText(text);
  } catch (error) {
    if (error instanceof FormatError) return { outcome: "not_valid", checks: [{ id: "unpacking", state: "fail", made: true }], statement: null };
    throw error;
  }
  await gather(packed, trust);
  return verify({ packed }, { trust, now: Date.now() });
}

/* The public documents that this badge rests on, each or why it could not be had. */
async function gather(packed, trust) {
  const id = dictionaryOf(packed);
  if (id === null) return;
  const file = await fetched(new URL(`/dictionaries/${id}`, location.href));
  if (file.body === undefined) return;
  const dictionary = await readDictionary(file.body).catch(() => null);
  if (dictionary === null || dictionary.id !== id) return; // another file than the one that the code names
  trust.dictionaries.set(id, dictionary);
  const content = contentOf(packed, trust);
  if (content === null) return;
  const did = issuerOf(content);
  const address = addressOf(did);
  if (address !== null) trust.didDocuments.set(did, await fetched(address));
  const lists = [content.credentialStatus].flat().map((entry) => entry?.statusListCredential);
  for (const list of lists.filter((each) => typeof each === "string").slice(0, 4)) {
    trust.statusLists.set(list, await fetchedList(list));
  }
}

/* A list as a token, which can be checked here: asked for, or under the name that files of an issuer have for it. */
async function fetchedList(list) {
  const asked = await fetched(webAddress(list));
  const isToken = asked.body !== undefined && asked.body[0] !== "{".charCodeAt(0);
  if (isToken || asked.body === undefined) return asked;
  const token = await fetched(webAddress(`${list}.jwt`));
  return token.body === undefined ? asked : token;
}

/* What the badge says before it is verified: only to know which public documents to fetch. */
function contentOf(packed, trust) {
  try {
    return readObject(parse(unpack(packed, trust.dictionaries)).payload);
  } catch (error) {
    if ([FormatError, SignatureError, StrictJsonError].some((kind) => error instanceof kind)) return null;
    throw error;
  }
}

/* Where the document of a did:web lies; null for other DIDs. */
function addressOf(did) {
  const found = /^did:web:([A-Za-z0-9.-]+(?:%3A[0-9]+)?)((?::[A-Za-z0-9._-]+)*)$/.exec(did);
  if (found === null) return null;
  const path = found[2] === "" ? "/.well-known" : found[2].replaceAll(":", "/");
  return webAddress(`https://${decodeURIComponent(found[1])}${path}/did.json`);
}

/* An address as it is fetched: over https, but for an issuer that is tried out on this very machine. */
function webAddress(text) {
  let address;
  try {
    address = new URL(text);
  } catch {
    return null;
  }
  if (location.protocol === "http:" && address.host === location.host) address.protocol = "http:";
  return ["https:", location.protocol].includes(address.protocol) ? address : null;
}

async function fetched(address) {
  if (address === null) return { absent: words.no_address };
  try {
    const options = { credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(PATIENCE), redirect: "follow" };
    const answer = await fetch(address, { ...options, headers: { Accept: "application/vc+jwt, application/did+json, */*;q=0.5" } });
    const body = new Uint8Array(await answer.arrayBuffer());
    if (answer.ok && body.length <= MAX_DOCUMENT_BYTES) return { body, fetchedAt: Date.now() };
    return { absent: `${address} answered ${answer.status}.` };
  } catch {
    return { absent: `${address} did not answer.` };
  }
}

function show({ outcome, checks, deciding, statement }) {
  const [look, mark] = LOOKS[outcome];
  const box = made("section", "", `answer ${look}`);
  box.setAttribute("role", "status");
  const heading = made("h1", "", "word");
  heading.append(Object.assign(made("span", `${mark} `), { ariaHidden: "true" }), words[outcome]);
  box.append(heading);
  const first = deciding ?? checks.find((check) => check.state !== "pass");
  if (first) box.append(made("p", sentence(first)));
  if (statement !== null && outcome !== "not_valid") box.append(...said(statement));
  place.replaceChildren(box, made("p", words.nothing_sent, "hint"), told(checks));
  document.title = words[outcome];
}

function said(statement) {
  const until = statement.validUntil === null ? null : new Date(statement.validUntil).toLocaleDateString(document.documentElement.lang, { dateStyle: "long" });
  const rows = [
    [words.name, statement.name ?? words.no_name],
    [words.issuer, [statement.issuerName, statement.issuer].filter(Boolean).join(" · ")],
    ...(until === null ? [] : [[words.until, until]]),
  ];
  const list = made("dl", "", "facts");
  for (const [term, text] of rows) list.append(made("dt", term), made("dd", text));
  return [made("p", statement.achievementName, "gives"), list];
}

function told(checks) {
  const details = made("details", "");
  const list = made("ul", "");
  for (const check of checks.filter((each) => each.made)) {
    list.append(made("li", `${WORD[check.state]} ${sentence(check)}${check.state === "pass" || !check.evidence ? "" : ` (${check.evidence})`}`));
  }
  details.append(made("summary", words.checks), list);
  return details;
}

function sentence({ id, state, lasting }) {
  const table = words.sentences[id] ?? {};
  return (state === "fail" && lasting === false && table.fail_for_now) || table[state] || `${id}: ${state}`;
}

function say(text) {
  const line = made("p", text, "lead");
  line.setAttribute("role", "status");
  place.replaceChildren(line);
}

function made(tag, text, name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  return element;
}
