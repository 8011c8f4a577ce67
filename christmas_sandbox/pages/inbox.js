// The inbox. Everything that a mail says is written with textContent; its HTML is shown in a sandboxed frame.
"use strict";

const POLL_MS = 1000;
let last = 0;
let count = 0;

function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function time(iso) {
  return new Date(iso).toLocaleString();
}

function tagsOf(mail) {
  return mail.tags.map((tag) => `${tag.name}: ${tag.value}`).join(", ");
}

function listMail(mail) {
  const link = element("a");
  link.href = `#${mail.id}`;
  element("strong", mail.subject || "(no subject)", link);
  element("span", mail.to.join(", "), link);
  element("span", `${time(mail.accepted_at)} · ${mail.last_event}`, link);
  if (mail.tags.length) element("span", tagsOf(mail), link);
  const item = element("li");
  item.append(link);
  document.getElementById("mails").prepend(item);
}

function markCurrent() {
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === location.hash) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function describe(mail, parent) {
  const list = element("dl", undefined, parent);
  const facts = {
    From: mail.from,
    To: mail.to.join(", "),
    "Reply-To": mail.reply_to.join(", "),
    Accepted: time(mail.accepted_at),
    State: mail.last_event,
    Tags: tagsOf(mail),
    "Idempotency key": mail.idempotency_key,
  };
  for (const [name, value] of [...Object.entries(facts), ...Object.entries(mail.headers)]) {
    if (!value) continue;
    element("dt", name, list);
    element("dd", value, list);
  }
}

async function showMail() {
  markCurrent();
  const id = location.hash.slice(1);
  if (!id) return;
  const answer = await fetch(`/_sandbox/mails/${encodeURIComponent(id)}`);
  if (!answer.ok || location.hash.slice(1) !== id) return;
  const mail = await answer.json();
  const shown = document.getElementById("mail");
  shown.replaceChildren();
  element("h2", mail.subject, shown);
  describe(mail, shown);
  const frame = element("iframe");
  frame.title = "The mail's HTML";
  frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  frame.src = `/_page/mails/${encodeURIComponent(id)}`;
  shown.append(frame);
  element("h2", "Text part", shown);
  element("pre", mail.text || "(none)", shown);
  shown.focus({ preventScroll: true });
}

async function poll() {
  try {
    const answer = await fetch(`/_sandbox/mails?view=summary&after=${last}`);
    const found = await answer.json();
    found.mails.forEach(listMail);
    last = found.last;
    count += found.mails.length;
    document.getElementById("count").textContent = `${count} mails`;
    if (found.mails.length) markCurrent();
  } catch {
    document.getElementById("count").textContent = "The sandbox does not answer.";
  }
  setTimeout(poll, POLL_MS);
}

addEventListener("hashchange", showMail);
poll();
showMail();
