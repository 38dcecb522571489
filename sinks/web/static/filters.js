// The filters, which live in the page's address: a link shows to others what one sees.
import { $ } from "./dom.js";

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
}

/** Write the form into the page's address. */
export function keep(path = location.pathname) {
  const form = $("filters");
  const found = new URLSearchParams();
  for (const name of NAMES) if (form.elements[name].value) found.set(name, form.elements[name].value);
  for (const each of form.elements.field.value.split(/\s+/).filter(Boolean)) found.append("field", each);
  history.replaceState(null, "", found.size ? `${path}?${found}` : path);
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
