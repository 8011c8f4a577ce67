// The vendors' call log, with faults and limits to switch on and off.

import { ask } from "./api.js";
import { h, keyed, say, time } from "./dom.js";

const SWITCHES = [
  { name: "Resend is down", hint: "500, nothing is sent", fault: { vendor: "resend", kind: "status_before", status: 500 } },
  { name: "Resend loses its answers", hint: "The mail goes out, the caller hears nothing", fault: { vendor: "resend", kind: "lost_answer", method: "POST" } },
  { name: "Resend is slow", hint: "3 s for each call", fault: { vendor: "resend", kind: "delay", seconds: 3 } },
  { name: "Resend allows 5 a second", hint: "429 beyond", limit: "resend" },
  { name: "Notion is down", hint: "503, nothing is written", fault: { vendor: "notion", kind: "status_before", status: 503 } },
  { name: "Notion loses the answers of writes", hint: "Written, but the caller hears nothing", fault: { vendor: "notion", kind: "lost_answer", method: "PATCH" } },
  { name: "Notion is slow", hint: "3 s for each call", fault: { vendor: "notion", kind: "delay", seconds: 3 } },
  { name: "Notion allows 3 a second", hint: "429 beyond", limit: "notion" },
  { name: "Discord is down", hint: "500, no alert gets out", fault: { vendor: "discord", kind: "status_before", status: 500 } },
];
const KINDS = {
  status_before: "Error status, nothing written", status_after: "Written, then an error status",
  disconnect: "Connection closes, nothing written", lost_answer: "Written, then the connection closes",
  delay: "Slow", hang: "No answer until switched off", empty_body: "Written, empty answer", html_body: "Written, a page of HTML",
};
const NUMBERS = { status: "Status", seconds: "Seconds", skip: "Calls that pass first", times: "Calls that it hits", retry_after: "Retry-After, in seconds" };
const TEXTS = { method: "Method", path: "Path, such as /v1/pages/*", match: "Text in the body" };
const STEP = 100;
let limit = STEP;
let only = "";
let parts;
let repoll;
let last;

function mount(root, poll) {
  repoll = poll;
  parts = {
    switches: h("ul", { class: "switches" }),
    others: h("ul", { class: "others" }),
    rows: h("tbody"),
    none: h("p", { class: "empty" }, "No call yet."),
    more: h("button", { type: "button", class: "more", hidden: true, onclick: () => { limit += STEP; poll(); } }, "Show more"),
  };
  const vendor = h("select", { id: "calls-vendor", onchange: () => { only = vendor.value; if (last) showCalls(last); } },
    h("option", { value: "" }, "All"), ["notion", "resend", "discord"].map((name) => h("option", { value: name }, name)),
    h("option", { value: "trouble" }, "Only trouble"));
  vendor.value = only;
  root.append(
    h("section", { class: "panel", "aria-labelledby": "faults-heading" },
      h("h1", { tabindex: "-1", id: "faults-heading" }, "Calls and faults"), parts.switches, parts.others, ownFault()),
    h("section", { class: "panel", "aria-labelledby": "calls-heading" },
      h("div", { class: "head" }, h("h2", { id: "calls-heading" }, "Call log"),
        h("label", { class: "inline", for: "calls-vendor" }, "Show ", vendor)),
      h("table", {}, h("caption", { class: "visually-hidden" }, "Calls to the vendors, the newest first"),
        h("thead", {}, h("tr", {}, ["Time", "Vendor", "Call", "Status", "ms", "Fault"].map((name) => h("th", { scope: "col" }, name)))),
        parts.rows), parts.none, parts.more));
}

function update(view) {
  last = view;
  const left = [...view.faults];
  const states = SWITCHES.map((one) => {
    if (one.limit) return { name: one.name, on: one.limit in view.limits };
    const at = left.findIndex((fault) => isPlain(fault, one.fault));
    const [fault] = at < 0 ? [] : left.splice(at, 1);
    return { name: one.name, on: Boolean(fault), id: fault?.id, hits: fault?.hits };
  });
  keyed(parts.switches, states, (state) => state.name, switchItem);
  keyed(parts.others, left, (fault) => fault.id, otherItem);
  showCalls(view);
}

function isPlain(fault, wanted) {
  const more = ["path", "match", "times", "code", "retry_after"].some((name) => fault[name] !== null);
  return !more && !fault.skip && (fault.method ?? undefined) === wanted.method
    && Object.entries(wanted).every(([name, value]) => fault[name] === value);
}

function switchItem(state) {
  const { name, hint, fault, limit: limited } = SWITCHES.find((one) => one.name === state.name);
  const hits = state.hits ? ` · hit ${state.hits === 1 ? "1 call" : `${state.hits} calls`}` : "";
  const turn = () => {
    if (limited) return ask("POST", "/_sandbox/limits", { [limited]: !state.on });
    return state.on ? ask("DELETE", `/_sandbox/faults/${state.id}`) : ask("POST", "/_sandbox/faults", fault);
  };
  return h("li", {}, h("button", {
    type: "button", role: "switch", class: "switch", "aria-checked": String(state.on),
    onclick: () => attempt(turn, `${name}: ${state.on ? "off" : "on"}`),
  },
  h("span", { class: "knob", "aria-hidden": "true" }),
  h("span", { class: "words" }, h("span", {}, name), h("span", { class: "small" }, hint + hits))));
}

function otherItem(fault) {
  const told = ["method", "path", "match", "status", "seconds", "skip", "times"]
    .filter((name) => fault[name] && !(name === "status" && !fault.kind.startsWith("status")))
    .map((name) => `${name} ${fault[name]}`).join(", ");
  const name = `${fault.vendor}: ${KINDS[fault.kind] ?? fault.kind}`;
  return h("li", {}, h("span", { class: "theirs" }, name, told ? ` (${told})` : "", ` · hits: ${fault.hits}`),
    h("button", { type: "button", class: "quiet", "aria-label": `Switch off ${name}`,
      onclick: () => attempt(() => ask("DELETE", `/_sandbox/faults/${fault.id}`), "Switched off") }, "Switch off"));
}

async function attempt(act, done) {
  try {
    await act();
    say(done);
  } catch (trouble) {
    say(trouble.message);
  }
  repoll();
}

function ownFault() {
  const field = (name, label, control) => h("label", {}, h("span", {}, label), control);
  const form = h("form", { class: "own", onsubmit: (event) => {
    event.preventDefault();
    const given = {};
    for (const [name, value] of new FormData(form)) {
      if (value.trim()) given[name] = name in NUMBERS ? Number(value) : value.trim();
    }
    attempt(() => ask("POST", "/_sandbox/faults", given), "The fault is on");
  } },
  field("vendor", "Vendor", h("select", { name: "vendor" }, ["resend", "notion", "discord"].map((name) => h("option", { value: name }, name)))),
  field("kind", "What goes wrong", h("select", { name: "kind" }, Object.entries(KINDS).map(([value, label]) => h("option", { value }, label)))),
  Object.entries(TEXTS).map(([name, label]) => field(name, label, h("input", { name, autocomplete: "off" }))),
  Object.entries(NUMBERS).map(([name, label]) => field(name, label, h("input", { name, type: "number", min: "0", step: name === "seconds" ? "any" : "1" }))),
  h("button", {}, "Switch on"));
  return h("details", {}, h("summary", {}, "A fault of your own"), form);
}

function showCalls(view) {
  const fits = (call) => !only || (only === "trouble" ? call.fault || call.status === 0 || call.status >= 400 : call.vendor === only);
  const found = view.calls.filter(fits);
  keyed(parts.rows, found, (call) => call.seq, row);
  parts.none.hidden = found.length > 0;
  parts.more.hidden = view.calls.length >= view.total;
}

function row(call) {
  const bad = call.status === 0 || call.status >= 400;
  return h("tr", { class: bad ? "bad" : "" },
    h("td", { class: "when" }, time(call.at)), h("td", {}, call.vendor),
    h("td", { class: "path theirs" }, h("b", {}, call.method), ` ${call.path}`),
    h("td", {}, h("span", { class: `badge ${bad ? "bad" : "good"}` }, call.status || "closed")),
    h("td", { class: "number" }, call.ms < 10 ? call.ms.toFixed(1) : Math.round(call.ms)),
    h("td", { class: "fault" }, call.fault ?? ""));
}

export const calls = { label: "Calls", layout: "one", mount, update, query: () => ({ limit }) };
