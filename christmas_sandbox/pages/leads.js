// Leads: contacts and tracker as one line each, and as a timeline.

import { badge, chip, facts, glyph, h, keyed, panes, SEQUENCES, time, toneOf, until } from "./dom.js";

const STEP = 60;
const NOBODY = "Nobody yet. Post a webhook to Kestra, and the lead shows up here by itself.";
let limit = STEP;
let wanted = "";
let shell;

function mount(root, poll) {
  let typing;
  const search = h("input", {
    type: "search", id: "lead-search", value: wanted, autocomplete: "off", placeholder: "Name or address",
    oninput: () => {
      clearTimeout(typing);
      typing = setTimeout(() => { wanted = search.value; poll(); }, 200);
    },
  });
  shell = panes(root, {
    title: "Leads", view: "leads",
    tools: [h("label", { for: "lead-search", class: "visually-hidden" }, "Search the leads"), search],
    empty: NOBODY,
    choose: "Choose a lead to see its timeline.",
  });
  shell.more.addEventListener("click", () => { limit += STEP; poll(); });
}

function update(view, id) {
  const opened = id.toLowerCase();
  keyed(shell.items, view.leads.map((lead) => ({ lead, current: lead.address.toLowerCase() === opened })),
    ({ lead }) => lead.address, line);
  shell.nothing.hidden = view.leads.length > 0;
  shell.nothing.textContent = wanted ? "Nobody of that name or address." : NOBODY;
  shell.more.hidden = view.leads.length >= view.total;
  shell.showDetail(id, id && detail(view.open, id));
}

function line({ lead, current }) {
  return h("li", {}, h("a", {
    href: `#/leads/${encodeURIComponent(lead.address)}`, class: "open", "aria-current": current ? "true" : null,
  },
  h("span", { class: "line" }, h("strong", { class: "theirs" }, lead.name || lead.address), badge(lead.segment)),
  h("span", { class: "small theirs" }, lead.name ? lead.address : lead.business),
  lead.suppressed ? chip("bounced", lead.suppressed) : null,
  lead.sequences.map(track),
  lead.sequences.length ? null : h("span", { class: "small" }, lead.facts["Campaign status"] ?? "No sequence")));
}

function track(sequence) {
  const next = sequence.emails.find((email) => email.is_next);
  return h("span", { class: "track" },
    h("span", { class: "dots", "aria-hidden": "true" },
      sequence.emails.map((email) => h("i", { class: `dot ${toneOf(email.state)}` }))),
    h("span", { class: "small" }, `${nameOf(sequence)}: `, summary(sequence, next)));
}

function summary(sequence, next) {
  const sent = sequence.emails.filter((email) => email.state === "sent").length;
  const bad = sequence.emails.filter((email) => ["failed", "unresolved"].includes(email.state)).length;
  const parts = [`${sent} of ${sequence.emails.length} sent`];
  if (bad) parts.push(`${bad} failed`);
  if (sequence.status !== "active") parts.push(sequence.status);
  const text = parts.join(", ");
  return next && sequence.status === "active" ? h("span", {}, `${text}, next `, until(next.planned_at)) : text;
}

const nameOf = (sequence) => SEQUENCES[sequence.type] ?? (sequence.type || "A sequence");

function detail(lead, id) {
  if (!lead) {
    return [{ key: "gone", data: id, make: () => h("div", {}, h("h2", { tabindex: "-1" }, "No such lead"), h("p", { class: "theirs" }, id)) }];
  }
  const { sequences, ...person } = lead;
  return [
    { key: "person", data: person, make: () => about(person) },
    ...sequences.map((sequence) => ({ key: sequence.key, data: sequence, make: () => timeline(sequence) })),
  ];
}

function about(person) {
  return h("div", {},
    h("h2", { tabindex: "-1", class: "theirs" }, person.name || person.address),
    h("p", { class: "chips" }, badge(person.segment), person.suppressed ? chip("bounced", person.suppressed) : null),
    facts([
      ["Address", person.address], ["Business", person.business], ["Came in", time(person.came_at)],
      ...Object.entries(person.facts),
      ["Systems", Object.entries(person.systems).map(([colour, count]) => `${count} ${colour}`).join(", ")],
    ]));
}

function timeline(sequence) {
  return h("section", { class: "sequence", "aria-label": nameOf(sequence) },
    h("h3", {}, nameOf(sequence), " ", chip(sequence.status || "active"), badge(sequence.segment)),
    sequence.status === "stopped" && sequence.reason ? h("p", { class: "small theirs" }, `Stopped: ${sequence.reason}`) : null,
    h("ol", { class: "timeline" },
      sequence.started_at ? h("li", { class: "mute" }, h("span", { class: "mark" }, glyph("mute")),
        h("span", { class: "what" }, h("strong", {}, "Enrolled"), " ", h("span", { class: "at" }, time(sequence.started_at)))) : null,
      sequence.emails.map(email)));
}

function email(one) {
  const tone = toneOf(one.state);
  return h("li", { class: one.is_next ? `${tone} next` : tone },
    h("span", { class: "mark" }, glyph(tone)),
    h("span", { class: "what" },
      h("strong", {}, `Email ${one.number} `), chip(one.state), " ",
      h("span", { class: "at" }, when(one)),
      one.subject ? h("span", { class: "subject theirs" }, one.subject) : null,
      one.reason ? h("span", { class: "reason theirs" }, one.reason) : null,
      h("span", { class: "links" },
        one.mail_id && one.subject ? h("a", { href: `#/inbox/${encodeURIComponent(one.mail_id)}` }, `Read email ${one.number}`) : null,
        one.execution ? h("a", { href: `#/executions/${encodeURIComponent(one.execution)}` }, `Execution of email ${one.number}`) : null)));
}

function when(one) {
  const parts = [];
  if (one.sent_at) parts.push(time(one.sent_at), one.by ? ` by the ${one.by}`.replace("the kestra", "Kestra") : "");
  else if (one.is_next) parts.push("next: ", time(one.planned_at), ", ", until(one.planned_at));
  else if (one.planned_at) parts.push("planned for ", time(one.planned_at));
  if (one.delivery) parts.push(", ", one.delivery);
  return h("span", {}, ...parts);
}

export const leads = { label: "Leads", mount, update, query: () => ({ q: wanted, limit }) };
