// The inbox: each accepted mail as a mail program shows it. A mail's HTML stays in a sandboxed frame.

import { chip, facts, h, keyed, panes, SEQUENCES, time } from "./dom.js";

const STEP = 100;
const PARTS = ["HTML", "Text", "Headers"];
let limit = STEP;
let part = "HTML";
let shell;

function mount(root, poll) {
  shell = panes(root, {
    title: "Inbox", view: "inbox",
    empty: "No mail yet. Whatever Resend's stand-in accepts shows up here by itself.",
    choose: "Choose a mail to read it.",
  });
  shell.more.addEventListener("click", () => { limit += STEP; poll(); });
}

function update(view, id) {
  keyed(shell.items, view.mails.map((mail) => ({ mail, current: mail.id === id })), ({ mail }) => mail.id, line);
  shell.nothing.hidden = view.mails.length > 0;
  shell.more.hidden = view.mails.length >= view.total;
  shell.showDetail(id, id && detail(view.open));
}

function line({ mail, current }) {
  return h("li", {}, h("a", {
    href: `#/inbox/${encodeURIComponent(mail.id)}`, class: "open", "aria-current": current ? "true" : null,
  },
  h("span", { class: "line" }, h("strong", { class: "theirs" }, mail.subject || "(no subject)"),
    h("span", { class: "small" }, time(mail.accepted_at))),
  h("span", { class: "small theirs" }, mail.to.join(", ")),
  h("span", { class: "line" }, h("span", { class: "small" }, kind(mail)), mail.last_event === "sent" ? null : chip(mail.last_event))));
}

function kind(mail) {
  const tags = Object.fromEntries(mail.tags.map((tag) => [tag.name, tag.value]));
  if (!tags.sequence) return mail.tags.map((tag) => `${tag.name}: ${tag.value}`).join(", ");
  return `${SEQUENCES[tags.sequence] ?? tags.sequence} #${tags.email ?? "?"}`;
}

function detail(mail) {
  if (!mail) return [{ key: "gone", data: "", make: () => h("h2", { tabindex: "-1" }, "No such mail") }];
  const { text, html, ...head } = mail;
  return [
    { key: "head", data: head, make: () => describe(head) },
    { key: "parts", data: { id: mail.id }, make: () => parts(mail, text, html) },
  ];
}

function describe(mail) {
  return h("div", {},
    h("h2", { tabindex: "-1", class: "theirs" }, mail.subject || "(no subject)"),
    facts([
      ["From", mail.from],
      ["To", h("span", {}, ...mail.to.flatMap((to, at) => [at ? ", " : "", h("a", { href: `#/leads/${encodeURIComponent(to)}` }, to)]))],
      ["Reply to", mail.reply_to.join(", ")], ["Copy", mail.cc.join(", ")], ["Blind copy", mail.bcc.join(", ")],
      ["Accepted", time(mail.accepted_at)], ["State", chip(mail.last_event)],
    ]));
}

function parts(mail, text, html) {
  const frame = h("iframe", {
    title: "The mail as HTML", sandbox: "allow-popups allow-popups-to-escape-sandbox",
    src: `/_page/mails/${encodeURIComponent(mail.id)}`,
  });
  const headers = [
    ["Message-ID", mail.message_id],
    ...Object.entries(mail.headers),
    ...mail.tags.map((tag) => [`Tag ${tag.name}`, tag.value]),
    ["Idempotency key", mail.idempotency_key], ["Resend id", mail.id], ["Scheduled for", mail.scheduled_at],
  ];
  const shown = {
    HTML: html ? frame : h("p", { class: "empty" }, "This mail has no HTML part."),
    Text: text ? h("pre", { class: "theirs", tabindex: "0", "aria-label": "The mail as text" }, text) : h("p", { class: "empty" }, "This mail has no text part."),
    Headers: facts(headers),
  };
  const tabs = h("div", { role: "tablist", "aria-label": "Parts of the mail", class: "tabs", onkeydown: move });
  const panels = PARTS.map((name) => h("div", { role: "tabpanel", id: `part-${name}`, "aria-labelledby": `tab-${name}` }, shown[name]));
  for (const name of PARTS) {
    tabs.append(h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `part-${name}`, onclick: () => choose(name),
    }, name));
  }
  function choose(name) {
    part = name;
    for (const tab of tabs.children) {
      const chosen = tab.textContent === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    for (const panel of panels) panel.hidden = panel.id !== `part-${name}`;
  }
  function move(event) {
    const step = { ArrowRight: 1, ArrowLeft: PARTS.length - 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(PARTS[(PARTS.indexOf(part) + step) % PARTS.length]);
    tabs.children[PARTS.indexOf(part)].focus();
  }
  choose(part);
  return h("div", { class: "parts" }, tabs, ...panels);
}

export const inbox = { label: "Inbox", mount, update, query: () => ({ limit }) };
