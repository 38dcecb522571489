// The live view: records as they come, with pause, and with a line wherever some were not shown.
import { $, counted, grouped, make, tell } from "./dom.js";
import { words } from "./filters.js";
import { Histogram } from "./histogram.js";
import { List, surplus } from "./list.js";
import { row, serve } from "./records.js";

const MOST = 10_000;
const AGAIN_MS = 3000;

const empty = make("div", "empty", [make("b", "", "Waiting for records"), make("span", "", "What is published from now on appears here.")]);
const list = new List($("live-rows"), MOST, row, empty);
const histogram = new Histogram($("histogram"), $("legend"));
let source = null;
let paused = false;
let held = [];
let shown = 0;
let skipped = 0;
let unheld = 0;
let timer = 0;

/** Say whether records come: connecting, live, paused or lost. */
function connection(state, text = state) {
  $("connection").dataset.state = state;
  $("connection").textContent = text;
}

function count() {
  const parts = [`${counted(shown, "record")} shown`, `${grouped(skipped)} skipped`];
  if (list.dropped) parts.push(`the last ${grouped(list.items.length)} are kept here`);
  if (paused) parts.push(`${grouped(held.filter((each) => !each.gap).length)} waiting`);
  $("counts").textContent = parts.join(" \u00b7 ");
  $("follow").hidden = list.following;
}

function accept(items) {
  if (!paused) {
    list.add(items);
  } else {
    held.push(...items);
    const over = surplus(held, MOST);
    if (over > 0) unheld += held.splice(0, over).filter((each) => !each.gap).length;
  }
  count();
}

function gapOf({ total, unseen, streams, others }) {
  const named = streams.map((each) => `${grouped(each.records)} of ${each.host} ${each.label} ${each.path}`);
  if (others) named.push(`${grouped(others)} of others`);
  const why = [];
  if (unseen < total) why.push("more came than can be shown");
  if (unseen) why.push(`${unseen < total ? `${grouped(unseen)} were ` : ""}not looked at: the filter takes too long`);
  return { gap: `\u22ee ${counted(total, "record")} skipped: ${why.join(", ")} (${named.join("; ")})` };
}

const on = {
  hello({ missed }) {
    connection(paused ? "paused" : "live");
    tell($("problem"), "");
    if (missed === null) accept([{ gap: "\u22ee the server was started again: what came meanwhile is in the archive" }]);
    else if (missed) accept([{ gap: `\u22ee ${counted(missed, "record")} came while the connection was lost, of all streams` }]);
  },
  records(records) {
    shown += records.length;
    accept(records);
  },
  skipped(data) {
    skipped += data.total;
    accept([gapOf(data)]);
  },
  rates: (rates) => histogram.add(rates),
};

/** Look anew, with the filters of the page's address. */
export function start() {
  stop();
  list.clear();
  histogram.clear();
  held = [];
  shown = skipped = unheld = 0;
  count();
  open();
}

function open() {
  connection("connecting");
  const address = `/api/live?${words()}`;
  source = new EventSource(address);
  for (const [name, take] of Object.entries(on)) source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    connection("lost", "disconnected, trying again");
    if (source.readyState === EventSource.CLOSED) explain(address);
  });
}

/** Say why the server refuses, which an EventSource does not; try again, unless what is asked for is wrong. */
async function explain(address) {
  const stopping = new AbortController();
  try {
    const answer = await fetch(address, { signal: stopping.signal });
    if (answer.ok) stopping.abort();
    else throw Object.assign(new Error((await answer.json()).error), { status: answer.status });
  } catch (error) {
    if (error.status === 401) return document.dispatchEvent(new CustomEvent("login-needed"));
    if (error.status === 400) {
      connection("lost", "not live");
      return tell($("problem"), error.message);
    }
  }
  clearTimeout(timer);
  timer = setTimeout(open, AGAIN_MS);
}

export function stop() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

/** Stop showing, or go on where it was. */
export function pause() {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Resume" : "Pause";
  connection(paused ? "paused" : "live");
  if (!paused) {
    const items = unheld ? [{ gap: `\u22ee ${counted(unheld, "record")} came during the pause, more than are kept here` }, ...held] : held;
    held = [];
    unheld = 0;
    list.following = list.following && !items.length;
    list.add(items);
  }
  count();
}

export function set(only) {
  serve(list, only);
  $("pause").addEventListener("click", pause);
  $("follow").addEventListener("click", () => list.follow());
  list.box.addEventListener("follow", count);
}

export const focus = () => list.box.focus();

