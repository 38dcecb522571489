// What a search matches, by time and severity; a stretch of it can be chosen, and be searched.
import { $, counted, grouped, make } from "./dom.js";
import { GROUPS, inGroups, legendOf, paint, sum } from "./histogram.js";
import { later, local } from "./times.js";

const DRAG_PIXELS = 4;
const NEAR = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };

/** Bars in a canvas. `zoom` is called with the edges of what was chosen, in microseconds; `back` goes to what was before. */
export class Bars {
  constructor(box, zoom, back) {
    this.box = box;
    this.canvas = $("bars-canvas");
    this.zoom = zoom;
    this.back = back;
    this.down = null; // where a pointer went down
    this.clear();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.canvas.addEventListener("keydown", (event) => this.pressed(event));
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("pointerup", (event) => this.end(event));
    this.canvas.addEventListener("pointercancel", () => this.forget());
    this.canvas.addEventListener("focus", () => this.choose(this.cursor ?? this.bars.length - 1));
    $("zoom").addEventListener("click", () => this.zoomIn());
    $("zoom-out").addEventListener("click", () => this.back());
  }

  /** Forget what was counted; the room for it stays, so that nothing jumps. */
  clear() {
    this.edges = [];
    this.bars = [];
    this.outside = 0;
    this.state = "counting";
    this.cursor = this.anchor = null;
    this.draw();
  }

  /** Show counts: `edges` in microseconds, `rows` by severity, the first and last of which are outside of them. */
  show({ edges, rows }) {
    const last = this.bars.length - 1;
    this.edges = edges;
    this.bars = rows.slice(1, -1).map(inGroups);
    this.outside = edges.length ? sum([...rows[0], ...rows.at(-1)]) : 0;
    if (this.bars.length - 1 !== last) this.cursor = this.anchor = null;
    this.box.hidden = !this.bars.length;
    this.draw();
    if (document.activeElement === this.canvas && this.cursor === null) this.choose(this.bars.length - 1);
  }

  /** Say whether more is counted yet: "counting", "partial", or "" if all is. */
  is(state) {
    this.state = state;
    this.draw();
    this.tabulate();
  }

  get chosen() {
    return this.cursor === null ? null : [Math.min(this.anchor, this.cursor), Math.max(this.anchor, this.cursor)];
  }

  choose(index, extend = false) {
    if (!this.bars.length) return;
    this.cursor = Math.min(this.bars.length - 1, Math.max(0, index));
    if (!extend || this.anchor === null) this.anchor = this.cursor;
    this.draw();
  }

  forget() {
    this.down = this.cursor = this.anchor = null;
    this.draw();
  }

  zoomIn() {
    if (!this.chosen) return;
    const [first, last] = this.chosen;
    const stretch = [this.edges[first], this.edges[last + 1]];
    this.forget();
    this.zoom(...stretch);
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = NEAR[event.key];
    if (step) this.choose((this.cursor ?? this.bars.length - 1) + step, event.shiftKey);
    else if (event.key === "Enter") this.zoomIn();
    else if (event.key === "Escape" || event.key === "Backspace") this.back();
    else return;
    event.preventDefault();
  }

  at(event) {
    const { left, width } = this.canvas.getBoundingClientRect();
    return Math.floor(((event.clientX - left) / width) * this.bars.length);
  }

  begin(event) {
    if (event.button || !this.bars.length) return;
    this.down = event.clientX;
    this.canvas.setPointerCapture(event.pointerId);
    this.choose(this.at(event));
  }

  move(event) {
    if (this.down !== null) this.choose(this.at(event), true);
    else this.tell(Math.min(this.bars.length - 1, Math.max(0, this.at(event))));
  }

  end(event) {
    const dragged = this.down !== null && Math.abs(event.clientX - this.down) >= DRAG_PIXELS;
    this.down = null;
    if (dragged) this.zoomIn();
  }

  draw() {
    const step = this.canvas.clientWidth / Math.max(1, this.bars.length);
    paint(this.canvas, this.bars, 0, step, 0.95);
    if (this.chosen) this.mark(step);
    $("zoom").hidden = !this.chosen;
    $("zoom-out").hidden = !history.state?.zoom;
    this.explain();
  }

  mark(step) {
    const [first, last] = this.chosen;
    const ratio = devicePixelRatio || 1;
    const context = this.canvas.getContext("2d");
    context.globalAlpha = 0.22;
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
    context.fillRect(first * step * ratio, 0, (last + 1 - first) * step * ratio, this.canvas.height);
    context.globalAlpha = 1;
    context.fillRect(first * step * ratio, this.canvas.height - 2 * ratio, (last + 1 - first) * step * ratio, 2 * ratio);
  }

  explain() {
    const sums = GROUPS.map((_, group) => sum(this.bars.map((bar) => bar[group])));
    const text = [this.state && `${this.state}: `, counted(sum(sums), "record"), this.outside && ` and ${grouped(this.outside)} at other times`];
    $("bars-legend").replaceChildren(make("span", "", text.filter(Boolean).join("")), ...legendOf(sums));
    const ends = this.bars.length ? [this.edges[0], this.edges.at(-1)].map(local) : ["", ""];
    [$("bars-from").textContent, $("bars-to").textContent] = ends;
    this.tell(this.cursor);
    this.canvas.setAttribute("aria-valuemax", String(Math.max(0, this.bars.length - 1)));
    this.canvas.setAttribute("aria-valuenow", String(this.cursor ?? Math.max(0, this.bars.length - 1)));
    this.canvas.setAttribute("aria-valuetext", this.cursor === null ? `${counted(sum(sums), "record")}, ${ends.join(" to ")}` : $("bars-at").textContent);
  }

  /** Say what is in the chosen bars, or in one at which a pointer is. */
  tell(index) {
    const stretch = this.chosen ?? (index >= 0 && index !== null && this.bars[index] ? [index, index] : null);
    if (!stretch) return ($("bars-at").textContent = "");
    const [first, last] = stretch;
    const numbers = GROUPS.map((_, group) => sum(this.bars.slice(first, last + 1).map((bar) => bar[group])));
    const parts = GROUPS.map(([, title], group) => numbers[group] && `${title} ${grouped(numbers[group])}`).filter(Boolean);
    const [from, to] = [local(this.edges[first]), local(this.edges[last + 1])];
    $("bars-at").textContent = `${from} to ${later(from, to)}: ${counted(sum(numbers), "record")}${parts.length ? ` (${parts.join(", ")})` : ""}`;
  }

  /** Write the bars that are not empty into a table, for those who hear it. */
  tabulate() {
    const rows = this.bars.flatMap((bar, index) => (sum(bar) ? [[index, bar]] : []));
    $("bars-rows").replaceChildren(...rows.map(([index, bar]) => make("tr", "", [make("th", "", local(this.edges[index]), { scope: "row" }), ...bar.map((count) => make("td", "", grouped(count)))])));
  }
}
