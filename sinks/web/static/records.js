// How a record looks, and what one can do with it.
import { copy, make } from "./dom.js";

const SHOWN = 2000;
const CRC = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** Return the CRC-32 of a text's UTF-8, as eight hexadecimal digits. */
export function crcOf(text) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

/** Return microseconds since 1970 of a time as the server writes it. */
export function microseconds(time) {
  return `${Date.parse(`${time.slice(0, 19)}Z`) / 1000}${time.slice(20, 26)}`;
}

/** Return the address of a record's own page. */
export function linkOf(record) {
  const words = new URLSearchParams({ time: microseconds(record.time), host: record.host ?? "", crc: crcOf(record.message) });
  if (record.stream) words.set("id", `${record.stream}:${record.offset}`);
  return `${location.origin}/record?${words}`;
}

/** Return the time of day in the browser's zone, to the millisecond. */
export function clock(time) {
  const date = new Date(`${time.slice(0, 23)}Z`);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${time.slice(20, 23)}`;
}

const day = (time) => new Date(`${time.slice(0, 23)}Z`).toLocaleDateString("sv");

/** Return one of eight colours for a host, always the same. */
function colourOf(host) {
  return `h-${parseInt(crcOf(host).slice(0, 2), 16) % 8}`;
}

/** Return a message as it is shown unfolded: JSON indented, all else as it is. */
export function unfolded(message) {
  if (message.startsWith("{") || message.startsWith("[")) {
    try {
      return JSON.stringify(JSON.parse(message), null, 2);
    } catch {
      return message;
    }
  }
  return message;
}

function folded(message) {
  const end = message.indexOf("\n");
  return (end < 0 ? message : message.slice(0, end)).slice(0, SHOWN);
}

const foldable = (message) => message.includes("\n") || message.startsWith("{") || message.length > 160;

/** Return the element of a record, or of a gap between records. */
export function row(item, open, chosen) {
  if (item.gap) return make("div", "row gap", item.gap, { title: item.gap });
  const { severity, message } = item;
  const more = message.split("\n", 1000).length - 1;
  const first = [make("span", "first", folded(message)), make("span", "more", `\u22ef +${more}`)];
  const text = open ? unfolded(message) + (item.cut ? "\n... cut here: see the archive" : "") : more ? first : folded(message);
  const fold = foldable(message) ? make("button", "fold", open ? "\u25be" : "\u25b8", { "data-do": "fold", "aria-expanded": String(open), "aria-label": "Unfold", tabindex: "-1" }) : "";
  const classes = `row r-${severity}${open ? " open" : ""}${chosen ? " chosen" : ""}`;
  return make("div", classes, [
    make("span", "", fold),
    make("time", "time", clock(item.time), { title: `${day(item.time)} ${item.time}` }),
    make("span", `severity s-${severity}`, severity),
    make("button", `host ${colourOf(item.host ?? "")}`, item.host || item.file?.split("/").pop() || "", { "data-do": "host", title: "Only this host", tabindex: "-1" }),
    make("span", "label", item.label ?? "", { title: item.path ?? item.file ?? "" }),
    make("span", "message", text),
    make("button", "menu", "link", { "data-do": "link", title: "Copy a link to this record (l)", "aria-label": "Copy link", tabindex: "-1" }),
  ]);
}

/** Let clicks and keys in a list do what they should; `only` narrows the view to a host. */
export function serve(list, only) {
  const acts = {
    fold: (item) => list.toggle(item),
    host: (item) => item.host && only(item.host),
    link: (item) => copy(linkOf(item), "Link"),
  };
  list.box.addEventListener("click", (event) => {
    const item = event.target.closest(".row")?.item;
    if (!item || item.gap) return;
    list.chosen = item;
    acts[event.target.closest("[data-do]")?.dataset.do]?.(item);
    list.draw();
  });
  list.box.addEventListener("dblclick", (event) => {
    const item = event.target.closest(".row")?.item;
    if (item && !item.gap && !String(getSelection())) list.toggle(item);
  });
  const keys = {
    j: () => list.choose(1), ArrowDown: () => list.choose(1), k: () => list.choose(-1), ArrowUp: () => list.choose(-1),
    PageDown: () => list.choose(20), PageUp: () => list.choose(-20), Home: () => list.choose(-1e9), End: () => list.follow(),
    Enter: () => list.chosen && !list.chosen.gap && list.toggle(list.chosen), c: () => list.chosen?.message && copy(list.chosen.message, "Record"),
    l: () => list.chosen?.message && acts.link(list.chosen), h: () => list.chosen?.host && only(list.chosen.host),
  };
  list.box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
