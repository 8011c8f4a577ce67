// Building and updating the page. Whatever others wrote becomes a text node or an attribute value, never markup.

const GLYPHS = { good: "✓", wait: "○", busy: "…", warn: "!", bad: "✕", mute: "–" };
const TONES = {
  sent: "good", delivered: "good", opened: "good", clicked: "good", SUCCESS: "good", completed: "good",
  planned: "wait", scheduled: "wait", waiting: "wait", active: "wait",
  RUNNING: "busy", CREATED: "busy", SUBMITTED: "busy", QUEUED: "busy", RESTARTED: "busy", KILLING: "busy",
  held: "warn", WARNING: "warn", RETRYING: "warn", PAUSED: "warn", delivery_delayed: "warn", unresolved: "warn",
  failed: "bad", FAILED: "bad", KILLED: "bad", bounced: "bad", complained: "bad", CRITICAL: "bad", URGENT: "warn",
};
export const SEQUENCES = {
  "5day": "5-Day Nurture", noshow: "No-Show Recovery", postcall: "Post-Call Maybe", onboarding: "Onboarding",
};

export function h(name, props = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const toneOf = (state) => TONES[state] ?? "mute";

export function glyph(tone) {
  return h("span", { class: "glyph", "aria-hidden": "true" }, GLYPHS[tone]);
}

export function chip(state, text = state.toLowerCase().replaceAll("_", " ")) {
  const tone = toneOf(state);
  return h("span", { class: `chip ${tone}` }, glyph(tone), text);
}

export function badge(text) {
  return text ? h("span", { class: `badge ${toneOf(text)}` }, text) : null;
}

// Show items in order, one node each. What changes is changed in place: focus, selection and a click under way stay.
export function keyed(parent, items, keyOf, make) {
  const before = parent.entries ?? new Map();
  const after = new Map();
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  for (const item of items) {
    const key = keyOf(item);
    const signature = JSON.stringify(item);
    let node = before.get(key)?.node;
    if (!node) {
      node = make(item);
      if (before.size) node.classList.add("fresh");
    } else if (before.get(key).signature !== signature) {
      morph(node, make(item));
    }
    after.set(key, { node, signature });
  }
  const kept = new Set([...after.values()].map((entry) => entry.node));
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const node of kept) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  parent.entries = after;
  // A node that was moved has lost it.
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

const HANDLERS = ["onclick", "onchange", "oninput", "onkeydown", "onsubmit"];

function morph(old, made) {
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of made.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const name of HANDLERS) old[name] = made[name];
  const wanted = [...made.childNodes];
  const present = [...old.childNodes];
  for (const extra of present.slice(wanted.length)) extra.remove();
  wanted.forEach((child, at) => {
    const here = present[at];
    if (!here) old.append(child);
    else if (here.nodeName !== child.nodeName) here.replaceWith(child);
    else if (here.nodeType === Node.TEXT_NODE) {
      if (here.data !== child.data) here.data = child.data;
    } else morph(here, child);
  });
}

// The sandbox's clock can be shifted, so times are told from its now.
let ahead = 0;
export function setNow(ms) {
  ahead = ms - Date.now();
}
const now = () => Date.now() + ahead;

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

export function time(iso) {
  if (!iso) return null;
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return h("span", {}, iso);
  const today = at.toDateString() === new Date(now()).toDateString();
  return h("time", { datetime: iso, title: FULL.format(at) }, (today ? CLOCK : DAY).format(at));
}

// A time that counts down by itself.
export function until(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return h("span", {}, iso);
  const made = h("time", { datetime: iso, title: FULL.format(at), "data-until": iso });
  made.textContent = distance(iso);
  return made;
}

function distance(iso) {
  const seconds = Math.round((new Date(iso).getTime() - now()) / 1000);
  if (seconds <= 0) return "due now";
  if (seconds < 100) return `in ${seconds} s`;
  if (seconds < 6000) return `in ${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `in ${Math.round(seconds / 3600)} h`;
  return `in ${Math.round(seconds / 86400)} days`;
}

export function tick() {
  for (const one of document.querySelectorAll("[data-until]")) {
    const text = distance(one.dataset.until);
    if (one.textContent !== text) one.textContent = text;
  }
}

export function facts(entries) {
  const list = h("dl", { class: "facts" });
  for (const [name, value] of entries) {
    if (value === undefined || value === null || value === "") continue;
    list.append(h("div", {}, h("dt", {}, name), h("dd", {}, value instanceof Node ? value : String(value))));
  }
  return list;
}

let saying;
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => { said.textContent = ""; }, 6000);
}

// A list and beside it, or on a phone in its place, what was chosen in it.
export function panes(root, { title, view, tools = [], empty, choose }) {
  const items = h("ul", { class: "items", "aria-label": title, onkeydown: moveInList });
  const nothing = h("p", { class: "empty", hidden: true }, empty);
  const more = h("button", { type: "button", class: "more", hidden: true }, "Show more");
  const detail = h("section", { class: "detail", "aria-label": "Details" });
  root.append(
    h("div", { class: "list" },
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, title), ...tools), nothing, items, more),
    detail,
  );
  return {
    items, nothing, more,
    // The parts of what is open, by its id: another one's are made anew.
    showDetail(id, parts) {
      document.body.toggleAttribute("data-open", Boolean(id));
      if (!id) {
        keyed(detail, [""], () => "", () => h("p", { class: "empty" }, choose));
        return;
      }
      const back = () => h("p", { class: "back" }, h("a", { href: `#/${view}` }, `← ${title}`));
      const all = [{ key: "back", data: "", make: back }, ...parts];
      const makers = new Map(all.map((part) => [part.key, part.make]));
      keyed(detail, all.map(({ key, data }) => ({ key, data })), (part) => `${id} ${part.key}`, (part) => makers.get(part.key)());
    },
  };
}

function moveInList(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll(".open")];
  const at = links.indexOf(document.activeElement);
  if (at < 0) return;
  event.preventDefault();
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}
