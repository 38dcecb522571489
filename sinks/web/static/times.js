// Times as the server reads them, and the panel in which they are chosen.
import { $, make } from "./dom.js";

const PRESETS = [
  ["last 15 min", "15m", ""], ["last hour", "1h", ""], ["last 6 h", "6h", ""], ["last 24 h", "24h", ""],
  ["last 7 days", "7d", ""], ["today", "today", ""], ["yesterday", "yesterday", "today"], ["any time", "", ""],
];
const two = (number) => String(Math.floor(number)).padStart(2, "0");

/** Return a date and a time of day in the browser's zone, without seconds where there are none. */
export function local(us) {
  const date = new Date(us / 1000);
  const parts = us % 1e6 ? `.${String(us % 1e6).padStart(6, "0")}` : "";
  const seconds = parts || date.getSeconds() ? `:${two(date.getSeconds())}${parts}` : "";
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}${seconds}`;
}

/** Return the browser's distance from UTC at a time, as +01:00. */
function offset(us) {
  const minutes = -new Date(us / 1000).getTimezoneOffset();
  const size = Math.abs(minutes);
  return minutes ? `${minutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}` : "Z";
}

/** Return a time as the server reads it, to the microsecond, with its zone. */
export const stamp = (us) => local(us) + offset(us);

/** Return the second of two times without the day, if that is the day of the first. */
export const later = (first, second) => (first.slice(0, 11) === second.slice(0, 11) && second.length > 11 ? second.slice(11) : second);

/** Say in a few words which time is searched. */
export function described(since, until) {
  const preset = PRESETS.find(([, from, to]) => from === since && to === until);
  if (preset) return preset[0];
  const short = (text) => text.replace(/(Z|[+-]\d\d:\d\d)$/, "");
  return since && until ? `${short(since)} \u2013 ${later(short(since), short(until))}` : since ? `since ${short(since)}` : `until ${short(until)}`;
}

/** Show in the panel and on its button what the form says. */
export function show() {
  const { since, until } = $("filters").elements;
  const text = described(since.value, until.value);
  $("time").textContent = text;
  $("time").title = text;
  for (const [input, picker] of [[since, $("pick-since")], [until, $("pick-until")]]) {
    const us = Date.parse(input.value.replace(" ", "T")) * 1000;
    picker.value = /:\d\d.*(Z|[+-]\d\d:\d\d)$/.test(input.value) && us ? local(us).replace(" ", "T").slice(0, 19) : "";
  }
}

/** Say in which zone the server reads a time that states none. */
export function zoned(zone) {
  const own = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts().find((part) => part.type === "timeZoneName").value;
  $("zone").textContent = `Text without a zone is ${zone}, as on the server. The calendar and the bars are ${own}, as in this browser.`;
}

function place() {
  const button = $("time").getBoundingClientRect();
  const panel = $("times");
  panel.style.top = `${button.bottom + 4}px`;
  panel.style.left = `${Math.max(8, Math.min(button.left, innerWidth - panel.offsetWidth - 8))}px`;
}

/** Let the panel do what it should; `search` begins a search of what the form says. */
export function set(search) {
  const { since, until } = $("filters").elements;
  const choose = (from, to) => {
    [since.value, until.value] = [from, to];
    $("times").hidePopover();
    search();
  };
  $("presets").replaceChildren(...PRESETS.map(([title, from, to]) => {
    const button = make("button", "", title, { type: "button" });
    button.addEventListener("click", () => choose(from, to));
    return button;
  }));
  for (const [input, picker] of [[since, $("pick-since")], [until, $("pick-until")]]) {
    picker.addEventListener("change", () => {
      if (picker.value) input.value = stamp(Date.parse(picker.value) * 1000);
      show();
    });
  }
  $("times").addEventListener("toggle", (event) => {
    $("time").setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "open") place();
  });
  $("filters").addEventListener("submit", () => $("times").hidePopover());
}
