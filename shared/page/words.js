// How things are called: outcomes, levels, times, numbers, names.

/** From calm to trouble. */
const LEVELS = ["good", "info", "none", "warn", "bad"];
const worse = (one, other) => (LEVELS.indexOf(one) > LEVELS.indexOf(other) ? one : other);

const ICONS = {
  good: "M3.5 8.5l3 3 6-7",
  info: "M8 7v5M8 4v.5",
  none: "M4 8h8",
  warn: "M8 3.5v6M8 12v.5",
  bad: "M4.5 4.5l7 7M11.5 4.5l-7 7",
};

const icon = (level) =>
  draw(
    "svg",
    { class: `icon ${level}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    draw("circle", { cx: 8, cy: 8, r: 7.5 }),
    draw("path", { d: ICONS[level] }),
  );

/** What `words` say of `key`; a word they do not know stands for itself. */
const told = (words, key, otherwise) => (Object.hasOwn(words, key) ? words[key] : otherwise);

const OUTCOMES = {
  inSync: ["In step", "good"],
  applied: ["Brought into step", "good"],
  planned: ["Planned only", "info"],
  busy: ["Busy", "info"],
  held: ["Deletes held back", "warn"],
  partial: ["Partly in step", "warn"],
  failed: ["Failed", "bad"],
};
const outcomeOf = (outcome) => told(OUTCOMES, outcome, [String(outcome), "warn"]);

const SEVERITIES = {
  info: ["Note", "info"],
  ok: ["Fine", "good"],
  unknown: ["Not known", "info"],
  warning: ["Warning", "warn"],
  error: ["Error", "bad"],
  problem: ["Problem", "bad"],
};
const severityOf = (severity) => told(SEVERITIES, severity, [String(severity), "warn"]);

const TRIGGERS = { timer: "the timer", event: "an event", http: "a person or script" };
const triggerOf = (trigger) => told(TRIGGERS, trigger, String(trigger));

const MODES = { udr: "route tables", routeServer: "Route Server", virtualWan: "Virtual WAN", observe: "watching only" };
const modeOf = (mode) => told(MODES, mode, String(mode));

const number = (value) => new Intl.NumberFormat("en").format(value);
const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;
const list = (texts) => new Intl.ListFormat("en").format(texts.map(String));
const percent = (part, whole) =>
  whole ? `${Number(((100 * part) / whole).toFixed(part * 10 < whole ? 1 : 0))} %` : "?";

/** The last part of an Azure resource id. */
const shortName = (id) =>
  String(id ?? "")
    .split("/")
    .pop() || String(id);

/** Milliseconds the server's clock is ahead of this browser's; ages are counted on the server's. */
let clockAhead = 0;
const serverNow = () => Date.now() + clockAhead;

const ago = (at) => {
  const seconds = Math.max(0, Math.round((serverNow() - at) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
};

const absolute = (at) => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** A point in time that stays right while the page is open. What is no time is shown as it is. */
const when = (text, { full = false } = {}) => {
  const at = Date.parse(text);
  if (Number.isNaN(at)) return make("span", null, text ? String(text) : "at an unknown time");
  const age = make("time", { datetime: String(text), "data-ago": at, title: absolute(at) }, ago(at));
  return full ? make("span", null, age, make("span", { class: "quiet" }, ` (${absolute(at)})`)) : age;
};

const tickAges = () => {
  for (const time of document.querySelectorAll("time[data-ago]")) say(time, ago(Number(time.dataset.ago)));
};

const badge = (word, level) => make("span", { class: `badge ${level}` }, icon(level), make("span", null, word));
