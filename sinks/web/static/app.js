// The page: which view is shown, the login, and the keys that work everywhere.
import { $, ask, make, tell } from "./dom.js";
import * as filters from "./filters.js";
import * as fleet from "./fleet.js";
import * as live from "./live.js";
import { unfolded } from "./records.js";
import * as search from "./search.js";
import * as times from "./times.js";

const VIEWS = { "/": "live", "/search": "search", "/fleet": "fleet", "/record": "record" };
const TITLES = { live: "Live", search: "Search", fleet: "Fleet", record: "Record" };

/** Show the one record that the page's address names. */
async function showRecord() {
  const box = $("record-box");
  box.replaceChildren(make("div", "empty", "Looking for the record\u2026"));
  try {
    const record = await ask(`/api/record${location.search}`);
    const rows = ["time", "severity", "host", "label", "path", "file", "stream", "offset"].filter((name) => record[name] !== undefined && record[name] !== "");
    const pairs = [...rows.map((name) => [name, String(record[name])]), ...Object.entries(record.fields ?? {}), ["message", unfolded(record.message)]];
    box.replaceChildren(make("dl", "detail", pairs.flatMap(([name, text]) => [make("dt", "", name), make("dd", name === "severity" ? `s-${text}` : "", text)])));
  } catch (error) {
    box.replaceChildren(make("div", "empty", [make("b", "", "This record was not found"), make("span", "", error.message)]));
  }
}

const START = { live: live.start, search: search.start, fleet: fleet.start, record: showRecord };

/** Show the view of the page's address. */
function show() {
  const view = VIEWS[location.pathname] ?? "live";
  live.stop();
  search.cancel();
  fleet.stop();
  document.body.dataset.view = view;
  document.title = `${TITLES[view]} \u00b7 Logbus`;
  for (const each of document.querySelectorAll(".view")) each.hidden = each.id !== view;
  for (const each of document.querySelectorAll("nav a")) each.toggleAttribute("aria-current", each.dataset.view === view);
  $("connection").hidden = view !== "live";
  tell($("problem"), "");
  filters.fill();
  START[view]();
}

function go(address) {
  history.pushState(null, "", address);
  show();
}

function onlyHost(host) {
  if (document.body.dataset.view === "fleet") {
    history.pushState(null, "", "/");
    filters.fill();
  }
  filters.onlyHost(host);
  filters.keep();
  show();
}

const changed = () => document.body.dataset.view === "live" && live.start();

/** Ask for a name and a password, or for the token. */
async function logIn() {
  if ($("login").open) return;
  live.stop();
  fleet.stop();
  const { token, users } = await ask("/login");
  $("login-user").hidden = !users;
  $("login-what").textContent = users && token ? "Password, or the token without a name" : users ? "Password" : "Token";
  $("login").showModal();
}

$("login").addEventListener("cancel", (event) => event.preventDefault());
$("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, password } = event.target.elements;
  try {
    const body = JSON.stringify({ name: name.value, password: password.value });
    await ask("/login", { method: "POST", body });
    password.value = "";
    tell($("login-problem"), "");
    $("login").close();
    begin();
  } catch (error) {
    tell($("login-problem"), error.message);
  }
});
$("logout").addEventListener("click", async () => {
  await ask("/logout", { method: "POST" });
  begin();
});

document.addEventListener("login-needed", logIn);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href") + (link.dataset.view === "fleet" ? "" : `?${filters.words()}`).replace(/\?$/, ""));
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = { "/": () => $("filters").elements.text.focus(), p: () => document.body.dataset.view === "live" && live.pause(), 1: () => go("/"), 2: () => go("/search"), 3: () => go("/fleet") };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
addEventListener("popstate", show);
filters.watch(changed, () => (document.body.dataset.view === "search" ? search.start() : changed()));
for (const each of [live, search, fleet]) each.set(onlyHost);

/** Begin, if one may. */
async function begin() {
  try {
    const me = await ask("/api/me");
    $("logout").hidden = me.open;
    times.zoned(me.zone);
    show();
  } catch (error) {
    if (error.status !== 401) tell($("problem"), error.message);
  }
}

begin();
