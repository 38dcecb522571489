// The search view: hits as they are found, the bars above them, how far it is, and a way to stop.
import { Bars } from "./bars.js";
import { $, ask, counted, grouped, make, tell } from "./dom.js";
import { between, words } from "./filters.js";
import { List } from "./list.js";
import { row, serve } from "./records.js";
import { stamp } from "./times.js";

const MOST = 1000;
const TELLING_S = 1;
const head = make("b", "", "Search the archive");
const hint = make("span", "", "Give a pattern, a severity or a time, and press Enter.");
const list = new List($("search-rows"), MOST, row, make("div", "empty", [head, hint]));
list.pinned = false;
let bars = null;
let source = null;
let found = "";
let began = { counts: false, at: 0 };

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

const soFar = () => found || `${counted(list.items.length, "record")} so far`;

/** Return how long the rest takes, at the pace until now; "" as long as that is a guess. */
function left(part) {
  const seconds = (performance.now() - began.at) / 1000;
  return part > 0 && part < 1 && seconds > TELLING_S ? `, about ${Math.ceil(seconds / part - seconds)} s left` : "";
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
    $("found").textContent = soFar();
  },
  progress: ({ read_bytes: read, size_bytes: all, files, looked_into: looked, counts }) => {
    if (counts !== began.counts) began = { counts, at: performance.now() };
    $("progress").value = all ? read / all : 0;
    const where = `${size(read)} of ${size(all)}, ${grouped(looked)} of ${counted(files, "file")}${left(all ? read / all : 0)}`;
    $("found").textContent = `${soFar()} \u00b7 ${counts ? "counting all: " : ""}${where}`;
  },
  found: ({ hits, limited, files, looked_into: looked }) => {
    say("Nothing found", `${counted(looked, "file")} looked into.`);
    found = `${limited ? "the newest " : ""}${counted(hits, "record")}${limited ? ", there may be more" : ""} \u00b7 ${grouped(looked)} of ${counted(files, "file")} looked into`;
    $("found").textContent = found;
    list.draw();
  },
  bars: (counts) => bars.show(counts),
  done: ({ flaws }) => {
    end(found);
    bars.is(flaws.length ? "partial" : "");
    tell($("problem"), flaws.join("; "));
  },
  failed: ({ error }) => {
    end("");
    bars.is("partial");
    tell($("problem"), error);
  },
};

/** Search for what the page's address says. */
export function start() {
  cancel();
  list.clear();
  bars.clear();
  found = "";
  began = { counts: false, at: performance.now() };
  tell($("problem"), "");
  if (!words().size) {
    $("bars").hidden = true;
    return;
  }
  say("Searching", "The newest records come first.");
  $("progress").hidden = $("cancel").hidden = false;
  $("progress").value = 0;
  const address = `/api/search?${words()}`;
  source = new EventSource(address);
  for (const [name, take] of Object.entries(on)) source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", async () => {
    end("");
    bars.is("partial");
    try {
      await ask(address);
    } catch (error) {
      say("This search did not work", error.message);
      tell($("problem"), error.message);
    }
  });
}

/** End the search; what was found stays, and is said to be partial. */
export function cancel() {
  if (!source) return;
  say("Cancelled", "Nothing was found until then.");
  end(`cancelled: ${counted(list.items.length, "record")} found so far, the answer is partial`);
  bars.is("partial");
}

function zoom(sinceUs, untilUs) {
  between(stamp(sinceUs), stamp(untilUs));
  start();
}

export function set(only) {
  serve(list, only);
  bars = new Bars($("bars"), zoom, () => history.state?.zoom && history.back());
  $("cancel").addEventListener("click", cancel);
}
