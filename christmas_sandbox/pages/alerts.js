// What Discord's stand-in was told.

import { facts, h, keyed, time } from "./dom.js";

const STEP = 50;
let limit = STEP;
let parts;

// Discord shows a mark behind a backslash as it is.
const shown = (text) => String(text ?? "").replace(/\\([\\`*_{}[\]()#+\-.!|>~])/g, "$1");

function mount(root, poll) {
  parts = {
    items: h("ul", { class: "alerts", "aria-label": "Alerts" }),
    nothing: h("p", { class: "empty" }, "No alert yet. What goes to Discord shows up here by itself."),
    more: h("button", { type: "button", class: "more", hidden: true, onclick: () => { limit += STEP; poll(); } }, "Show more"),
  };
  root.append(h("section", { class: "panel", "aria-labelledby": "alerts-heading" },
    h("h1", { tabindex: "-1", id: "alerts-heading" }, "Alerts"), parts.nothing, parts.items, parts.more));
}

function update(view) {
  keyed(parts.items, view.alerts, (alert) => alert.id, item);
  parts.nothing.hidden = view.alerts.length > 0;
  parts.more.hidden = view.alerts.length >= view.total;
}

function item(alert) {
  return h("li", {},
    h("p", { class: "small" }, time(alert.posted_at)),
    alert.content ? h("p", { class: "theirs" }, shown(alert.content)) : null,
    (alert.embeds ?? []).map((embed) => h("div", { class: "embed" },
      embed.title ? h("h2", { class: "theirs" }, shown(embed.title)) : null,
      embed.description ? h("p", { class: "theirs" }, shown(embed.description)) : null,
      facts((embed.fields ?? []).map((field) => [shown(field.name), shown(field.value)])))));
}

export const alerts = { label: "Alerts", layout: "one", mount, update, query: () => ({ limit }) };
