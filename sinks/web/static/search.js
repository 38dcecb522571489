// The search view: hits as they are found, progress, and a way to stop.
import { $, ask, counted, grouped, make, tell } from "./dom.js";
import { words } from "./filters.js";
import { List } from "./list.js";
import { row, serve } from "./records.js";

const MOST = 1000;
const head = make("b", "", "Search the archive");
const hint = make("span", "", "Give a pattern, a severity or a time, and press Enter.");
const list = new List($("search-rows"), MOST, row, make("div", "empty", [head, hint]));
list.pinned = false;
let source = null;

function say(title, text) {
  head.textContent = title;
  hint.textContent = text;
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) [bytes, unit] = [bytes / 1000, unit + 1];
  return `${bytes.toFixed(unit && bytes < 10 ? 1 : 0)} ${units[unit]}`;
}

function end(text) {
  source?.close();
  source = null;
  $("progress").hidden = $("cancel").hidden = true;
  $("found").textContent = text;
}

const on = {
  hits: (hits) => {
    list.add(hits);
    $("found").textContent = `${counted(list.items.length, "record")} so far`;
  },
  progress: ({ read_bytes: read, size_bytes: all }) => {
    $("progress").value = all ? read / all : 0;
    $("found").textContent = `${counted(list.items.length, "record")} so far \u00b7 ${size(read)} of ${size(all)}`;
  },
  done: ({ hits, limited, files, looked_into: looked, flaws }) => {
    say("Nothing found", `${counted(looked, "file")} looked into.`);
    end(`${limited ? "the newest " : ""}${counted(hits, "record")}${limited ? ", there may be more" : ""} \u00b7 ${grouped(looked)} of ${counted(files, "file")} looked into`);
    tell($("problem"), flaws.join("; "));
    list.draw();
  },
  failed: ({ error }) => {
    end("");
    tell($("problem"), error);
  },
};

/** Search for what the page's address says. */
export function start() {
  cancel();
  list.clear();
  tell($("problem"), "");
  if (!words().size) return;
  say("Searching", "The newest records come first.");
  $("progress").hidden = $("cancel").hidden = false;
  $("progress").value = 0;
  const address = `/api/search?${words()}`;
  source = new EventSource(address);
  for (const [name, take] of Object.entries(on)) source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", async () => {
    end("");
    try {
      await ask(address);
    } catch (error) {
      say("This search did not work", error.message);
      tell($("problem"), error.message);
    }
  });
}

export function cancel() {
  if (source) {
    say("Cancelled", "");
    end(`cancelled: ${counted(list.items.length, "record")} found so far`);
  }
}

export function set(only) {
  serve(list, only);
  $("cancel").addEventListener("click", cancel);
}
