// Elements, whose texts are always text nodes: nothing that a log says is ever read as markup.

export const $ = (id) => document.getElementById(id);

/** Return a new element with classes, texts or elements inside, and attributes. */
export function make(tag, classes = "", children = [], attributes = {}) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...[children].flat());
  return element;
}

/** Show a text, or hide the element if there is none. */
export function tell(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

let toastTimer = 0;

/** Say something for two seconds. */
export function toast(text) {
  tell($("toast"), text);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => tell($("toast"), ""), 2000);
}

/** Copy a text; where the browser has no clipboard for us (plain http), through a selection. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", "", [], { readonly: "" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(`${what} copied`);
}

/** Return a number with thin groups, as 12,345. */
export const grouped = (number) => number.toLocaleString("en");

/** Return a count with its noun. */
export const counted = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Ask the server; throw what it says is wrong. A 401 asks for a login. */
export async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  const body = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("login-needed"));
  if (!answer.ok) throw Object.assign(new Error(body.error || `the server answered ${answer.status}`), { status: answer.status });
  return body;
}
