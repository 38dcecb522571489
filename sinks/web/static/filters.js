// The filters, which live in the page's address: a link shows to others what one sees.
import { $ } from "./dom.js";
import * as times from "./times.js";

const NAMES = ["text", "min", "host", "label", "since", "until"];
const LATER_MS = 350;

/** Return the filters of the page's address as the server wants them. */
export function words() {
  const found = new URLSearchParams();
  const asked = new URLSearchParams(location.search);
  for (const name of [...NAMES, "severity"]) if (asked.get(name)) found.set(name, asked.get(name));
  for (const each of asked.getAll("field")) found.append("field", each);
  return found;
}

/** Show the filters of the page's address in the form. */
export function fill() {
  const form = $("filters");
  const asked = new URLSearchParams(location.search);
  for (const name of NAMES) form.elements[name].value = asked.get(name) ?? "";
  form.elements.field.value = asked.getAll("field").join(" ");
  times.show();
}

/** Return the address of what the form says. */
function address() {
  const form = $("filters");
  const found = new URLSearchParams();
  for (const name of NAMES) if (form.elements[name].value) found.set(name, form.elements[name].value);
  for (const each of form.elements.field.value.split(/\s+/).filter(Boolean)) found.append("field", each);
  return found.size ? `${location.pathname}?${found}` : location.pathname;
}

/** Write the form into the page's address. */
export function keep() {
  times.show();
  history.replaceState(history.state, "", address());
}

/** Narrow the search to a stretch of time; the browser's "back" leads out of it. */
export function between(since, until) {
  const { elements } = $("filters");
  [elements.since.value, elements.until.value] = [since, until];
  times.show();
  history.pushState({ zoom: true }, "", address());
}

/** Call `changed` soon after somebody typed, and `sent` when the form is sent. */
export function watch(changed, sent) {
  let timer = 0;
  $("filters").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      keep();
      changed();
    }, LATER_MS);
  });
  $("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    keep();
    sent();
  });
  times.set(() => $("filters").requestSubmit());
  $("more").addEventListener("click", () => $("more").setAttribute("aria-expanded", String($("filters").classList.toggle("unfolded"))));
  $("clear").addEventListener("click", () => {
    $("filters").reset();
    keep();
    changed();
  });
}

/** Narrow the view to one host. */
export function onlyHost(host) {
  $("filters").elements.host.value = host.replace(/[*?[]/g, "[$&]");
}
