// The fleet: a row for each process.
import { $, ask, counted, grouped, make, tell } from "./dom.js";

const EVERY_MS = 2000;
const FOR_EACH_MS = 5; // each process says how it is every 10 s: of a thousand, once in 5 s is soon enough
const STATES = ["live", "idle", "silent", "gone"];
let timer = 0;
let only = () => {};

const size = (bytes) => (bytes >= 1 << 30 ? `${(bytes / (1 << 30)).toFixed(1)} GiB` : bytes >= 1 << 20 ? `${(bytes / (1 << 20)).toFixed(1)} MiB` : bytes >= 1 << 10 ? `${(bytes / (1 << 10)).toFixed(1)} KiB` : `${bytes} B`);
const span = (s) => (s >= 86400 ? `${Math.round(s / 86400)} d` : s >= 3600 ? `${Math.round(s / 3600)} h` : s >= 60 ? `${Math.round(s / 60)} min` : `${Math.round(s)} s`);
const number = (text) => ["number", text];
const drawn = new Map(); // process -> its row, and the texts of its cells

/** Return the class and the text of each cell but the first. */
function cellsOf(each) {
  const isShipper = each.role === "shipper";
  const inputs = (each.inputs ?? []).slice(0, 4).map((input) => input.name);
  const troubles = (each.troubles ?? []).map((trouble) => `${trouble.about}: ${trouble.cause}`);
  return [
    ["", isShipper ? "shipper" : `sink ${each.name ?? ""}`],
    [`state state-${each.state}`, each.state],
    ["", each.version ?? ""],
    number(grouped(Math.round(each.records_per_s))),
    number(`${size(Math.round(each.bytes_per_s))}/s`),
    number(isShipper ? size(each.behind_bytes ?? 0) : counted((each.queued ?? 0) + (each.waiting ?? 0), "batch").replace("batchs", "batches")),
    number(each.lag_s >= 1 ? span(each.lag_s) : "\u2013"),
    number(isShipper ? grouped(each.files ?? 0) : ""),
    number(each.held_files ? `${each.held_files}, ${size(each.held_bytes ?? 0)}` : ""),
    ["wrap", inputs.join(", ") + ((each.inputs ?? []).length > 4 ? ", \u2026" : "")],
    number(each.silent_s >= 1 ? `${span(each.silent_s)} ago` : "now"),
    ["trouble", troubles.slice(0, 2).join("; ") + (troubles.length > 2 ? ` and ${troubles.length - 2} more` : "")],
  ];
}

/** Return the row of a process: the one that is there, with what has changed; a thousand new rows would cost too much. */
function rowOf(each) {
  const key = JSON.stringify([each.host, each.role, each.name ?? "", each.instance]);
  const cells = cellsOf(each);
  let known = drawn.get(key);
  if (!known) {
    const host = make("button", "", each.host, { "data-host": each.host, title: "Its records, live" });
    known = { row: make("tr", "", [make("td", "", host), ...cells.map(([classes]) => make("td", classes))]), texts: [] };
    drawn.set(key, known);
  }
  cells.forEach(([classes, text], index) => {
    if (known.texts[index] === text) return;
    known.texts[index] = text;
    known.row.cells[index + 1].className = classes;
    known.row.cells[index + 1].textContent = text;
  });
  return known.row;
}

/** Show these rows, in this order; forget all others. */
function place(rows) {
  const box = $("fleet-rows");
  if (rows.length === box.rows.length && rows.every((row, index) => row === box.rows[index])) return;
  const focused = document.activeElement;
  box.replaceChildren(...rows);
  if (box.contains(focused)) focused.focus();
  const kept = new Set(rows);
  for (const [key, { row }] of drawn) if (!kept.has(row)) drawn.delete(key);
}

async function draw() {
  clearTimeout(timer);
  try {
    const rows = await ask("/api/fleet");
    place(rows.map(rowOf));
    const told = STATES.map((state) => [rows.filter((each) => each.state === state).length, state]).filter(([count]) => count);
    const hosts = counted(new Set(rows.map((each) => each.host)).size, "host");
    $("fleet-summary").textContent = rows.length ? `${hosts}, ${told.map(([count, state]) => `${count} ${state}`).join(", ")}` : "Nothing was heard yet: each process says how it is every 10 s.";
    tell($("problem"), "");
  } catch (error) {
    tell($("problem"), `The fleet is not shown: ${error.message}`);
  }
  timer = setTimeout(draw, Math.max(EVERY_MS, drawn.size * FOR_EACH_MS));
}

export const start = draw;
export const stop = () => clearTimeout(timer);

export function set(narrow) {
  only = narrow;
  $("fleet-rows").addEventListener("click", (event) => {
    const host = event.target.closest("[data-host]")?.dataset.host;
    if (host) only(host);
  });
}
