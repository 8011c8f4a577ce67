// Kestra's executions: what runs, what waits, what failed and why; Replay and Restart.

import { ask } from "./api.js";
import { chip, facts, h, keyed, panes, say, SEQUENCES, time, until } from "./dom.js";

const FILTERS = { all: "All", failures: "Open failures", waiting: "Waiting" };
const ENDED = new Set(["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"]);
const FAULTY = new Set(["FAILED", "KILLED"]);
let filter = "all";
let shell;
let notice;
let repoll;
let last;

function mount(root, poll) {
  repoll = poll;
  const choices = Object.entries(FILTERS).map(([value, label]) =>
    h("label", {}, h("input", {
      type: "radio", name: "executions-filter", value, checked: value === filter,
      onchange: () => { filter = value; if (last) update(...last); },
    }), h("span", {}, label)));
  notice = h("p", { class: "notice", hidden: true });
  shell = panes(root, {
    title: "Executions", view: "executions",
    tools: [h("fieldset", { class: "choices" }, h("legend", { class: "visually-hidden" }, "Show"), ...choices), notice],
    empty: "Nothing here.",
    choose: "Choose an execution to see its tasks and its log. A replay is safe: an email that went out is not sent again.",
  });
}

const waits = (one) => one.state === "CREATED" && Boolean(one.due_at);
const isOpenFailure = (one) => FAULTY.has(one.state) && !one.mended;

function update(view, id, frame) {
  last = [view, id, frame];
  const fits = { all: () => true, failures: isOpenFailure, waiting: waits }[filter];
  const found = view.executions.filter(fits);
  keyed(shell.items, found.map((one) => ({ one, current: one.id === id })), ({ one }) => one.id, line);
  shell.nothing.hidden = found.length > 0;
  const { url, problem } = frame.engine;
  notice.textContent = url ? problem : "No Kestra was named: start the sandbox with --kestra-url, or use christmas-tasks up.";
  notice.hidden = Boolean(url) && !problem;
  shell.showDetail(id, id && detail(view.open, id));
}

function titleOf(one) {
  if (one.number === null) return one.flow;
  return `${SEQUENCES[one.sequence] ?? one.flow}, email ${one.number}`;
}

function stateChip(one) {
  if (waits(one)) return chip("waiting");
  return chip(one.state);
}

function line({ one, current }) {
  return h("li", { class: "card" },
    h("a", { href: `#/executions/${encodeURIComponent(one.id)}`, class: "open", "aria-current": current ? "true" : null },
      h("span", { class: "line" }, h("strong", {}, titleOf(one)), stateChip(one)),
      h("span", { class: "small theirs" }, one.address || "\u00a0"),
      h("span", { class: "line small" }, waits(one) ? h("span", {}, "due ", until(one.due_at)) : h("span", {}, time(one.started_at), took(one)),
        outcome(one)),
      one.reason ? h("span", { class: "reason theirs" }, one.reason) : null),
    ENDED.has(one.state) && FAULTY.has(one.state) ? replayButton(one) : null);
}

function outcome(one) {
  const parts = [];
  if (one.outcome) parts.push(h("span", { class: "outcome" }, "email ", chip(one.outcome)));
  if (FAULTY.has(one.state) && one.mended) parts.push(chip("SUCCESS", "mended"));
  return parts.length ? h("span", { class: "chips" }, ...parts) : null;
}

function took(one) {
  if (!one.ended_at) return "";
  const seconds = (new Date(one.ended_at) - new Date(one.started_at)) / 1000;
  return ` · ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

function replayButton(one, after) {
  const label = `Replay ${titleOf(one)}${one.address ? ` for ${one.address}` : ""}`;
  return h("button", { type: "button", "aria-label": label, class: one.mended ? "quiet" : "",
    onclick: (event) => act(event.currentTarget, one.id, "replay", {}, after) }, "Replay");
}

async function act(button, id, action, body, after) {
  button.disabled = true;
  try {
    const started = await ask("POST", `/_page/executions/${encodeURIComponent(id)}/${action}`, body);
    say(action === "replay" ? "The replay has started as a new execution." : "The execution goes on.");
    after?.(started.id);
  } catch (trouble) {
    say(trouble.message);
  }
  button.disabled = false;
  repoll();
}

function openNew(id) {
  location.hash = `#/executions/${encodeURIComponent(id)}`;
}

function detail(one, id) {
  if (!one || one.id !== id) {
    return [{ key: "gone", data: id, make: () => h("div", {}, h("h2", { tabindex: "-1" }, "Execution"), h("p", { class: "empty" }, "Kestra does not tell of it, or not yet.")) }];
  }
  const { tasks, logs, ...head } = one;
  return [
    { key: "head", data: head, make: () => about(head) },
    { key: "tasks", data: tasks, make: () => taskList(head, tasks) },
    { key: "logs", data: logs, make: () => logList(logs) },
  ];
}

function about(one) {
  return h("div", {},
    h("h2", { tabindex: "-1" }, titleOf(one)),
    h("p", { class: "chips" }, stateChip(one), outcome(one)),
    one.reason ? h("p", { class: "reason theirs" }, one.reason) : null,
    h("p", { class: "actions" },
      ENDED.has(one.state) ? replayButton(one, openNew) : null,
      one.state === "FAILED" ? h("button", { type: "button", class: "quiet",
        onclick: (event) => act(event.currentTarget, one.id, "restart", {}) }, "Restart where it failed") : null),
    facts([
      ["Flow", one.flow],
      ["For", one.address.includes("@") ? h("a", { href: `#/leads/${encodeURIComponent(one.address)}` }, one.address) : one.address],
      ["Due", time(one.due_at)], ["Started", waits(one) ? "" : time(one.started_at)], ["Ended", time(one.ended_at)],
      ["Enrolment", one.enrolment], ["Id", one.id],
      ["Replay of", one.original_id === one.id ? "" : h("a", { href: `#/executions/${encodeURIComponent(one.original_id)}` }, one.original_id)],
    ]));
}

function taskList(head, tasks) {
  return h("section", { "aria-label": "Tasks" }, h("h3", {}, "Tasks"),
    tasks.length ? h("ol", { class: "tasks" }, tasks.map((task) => h("li", {},
      h("strong", {}, task.task), chip(task.state),
      h("span", { class: "small" }, time(task.started_at), task.attempts > 1 ? `, ${task.attempts} attempts` : ""),
      ENDED.has(head.state) && task.state !== "SKIPPED" ? h("button", {
        type: "button", class: "quiet", "aria-label": `Replay from task ${task.task}`,
        onclick: (event) => act(event.currentTarget, head.id, "replay", { task_run: task.id }, openNew),
      }, "Replay from here") : null))) : h("p", { class: "empty" }, "None has run yet."));
}

function logList(logs) {
  return h("section", { "aria-label": "Log" }, h("h3", {}, "Log"),
    logs.length ? h("ol", { class: "logs", tabindex: "0", "aria-label": "Log lines" }, logs.map((entry) => h("li", { class: entry.level.toLowerCase() },
      time(entry.at), " ", h("b", {}, entry.level), " ", h("span", { class: "small" }, entry.task), " ",
      h("span", { class: "theirs" }, entry.text)))) : h("p", { class: "empty" }, "No lines."));
}

export const executions = { label: "Executions", mount, update };
