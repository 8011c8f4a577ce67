// Which view is shown, and keeping it up to date: one poll each second, and none while nobody looks.

import { alerts } from "./alerts.js";
import { calls } from "./calls.js";
import { h, say, setNow, tick } from "./dom.js";
import { executions } from "./executions.js";
import { inbox } from "./inbox.js";
import { leads } from "./leads.js";

const VIEWS = { leads, inbox, executions, calls, alerts };
const POLL_MS = 1000;
const IDLE_POLL_MS = 2500;
const IDLE_AFTER_MS = 60_000;
const RETRY_MS = 2000;

const main = document.getElementById("main");
const live = document.getElementById("live");
const scrolled = {};
let shown = { name: "", id: "" };
let left = null;
let etag = { of: "", value: "" };
let changedAt = Date.now();
let timer;
let asking;

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  let id = "";
  try {
    id = decodeURIComponent(rest.join("/"));
  } catch {
    // No address that this page has made.
  }
  return name in VIEWS ? { name, id } : { name: "leads", id: "" };
}

function go() {
  const wanted = route();
  const view = VIEWS[wanted.name];
  if (!shown.id) scrolled[shown.name] = scrollY;
  if (wanted.name !== shown.name) {
    main.replaceChildren();
    main.className = view.layout ?? "two";
    document.body.removeAttribute("data-open");
    view.mount(main, poll);
  }
  shown = wanted;
  document.title = `${view.label}, Sandbox console`;
  for (const link of document.querySelectorAll("#views a")) {
    if (link.dataset.view === wanted.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  etag = { of: "", value: "" };
  main.setAttribute("aria-busy", "true");
  poll();
}

async function poll() {
  clearTimeout(timer);
  asking?.abort();
  if (document.hidden) return;
  const own = new AbortController();
  asking = own;
  const { name, id } = shown;
  const query = new URLSearchParams(Object.entries({ ...VIEWS[name].query?.(), open: id }).filter(([, value]) => value));
  const path = `/_page/data/${name}?${query}`;
  let wait = Date.now() - changedAt > IDLE_AFTER_MS ? IDLE_POLL_MS : POLL_MS;
  let found = null;
  try {
    const headers = etag.of === path ? { "if-none-match": etag.value } : {};
    const answer = await fetch(path, { headers, cache: "no-store", signal: own.signal });
    if (answer.status !== 200 && answer.status !== 304) throw new Error(`HTTP ${answer.status}`);
    if (answer.status === 200) {
      found = await answer.json();
      etag = { of: path, value: answer.headers.get("etag") };
      changedAt = Date.now();
    }
    setLive("Live", true);
  } catch {
    if (own.signal.aborted) return;
    setLive("The sandbox does not answer", false);
    wait = RETRY_MS;
  }
  if (own.signal.aborted) return;
  timer = setTimeout(poll, wait);
  if (found) show(found, id);
}

function show(found, id) {
  setNow(found.now_ms);
  for (const link of document.querySelectorAll("#views a")) {
    link.querySelector(".count").textContent = found.counts[link.dataset.view] ?? "";
  }
  tell("failures", found.engine.failures, "failed");
  tell("faults-on", found.faults_on, found.faults_on === 1 ? "fault on" : "faults on");
  VIEWS[shown.name].update(found.view, id, found);
  main.removeAttribute("aria-busy");
  if (left) arrive(left);
  left = null;
}

function tell(chip, count, text) {
  const told = document.getElementById(chip);
  told.hidden = !count;
  told.textContent = `${count} ${text}`;
}

// After a person has gone elsewhere: the focus goes to what is new there, or back to where it came from.
function arrive(from) {
  const { name, id } = shown;
  const opened = id && main.querySelector(".detail h2");
  const came = `#/${name}/${encodeURIComponent(from.id)}`;
  const back = from.name === name && [...main.querySelectorAll(".open")].find((link) => link.hash === came);
  scrollTo(0, id ? 0 : scrolled[name] ?? 0);
  if (opened) main.querySelector(".detail").scrollTo(0, 0);
  (opened || back || main.querySelector("h1"))?.focus({ preventScroll: true });
}

function setLive(text, well) {
  if (live.textContent === text) return;
  live.textContent = text;
  live.classList.toggle("off", !well);
  if (!well) say(`${text}.`);
}

document.getElementById("views").append(
  ...Object.entries(VIEWS).map(([name, view]) =>
    h("li", {}, h("a", { href: `#/${name}`, "data-view": name }, view.label, " ", h("span", { class: "count" })))),
);
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => {
  left = shown;
  go();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && shown.id && !event.defaultPrevented) location.hash = `#/${shown.name}`;
});
document.addEventListener("visibilitychange", poll);
setInterval(tick, 1000);
go();
