// Records per second by severity, of the last two minutes.
import { grouped, make } from "./dom.js";

const SECONDS = 120;
const GROUPS = [["err", "err and worse", [0, 1, 2, 3]], ["warning", "warning", [4]], ["info", "notice, info", [5, 6]], ["debug", "debug", [7]]];

export class Histogram {
  constructor(canvas, legend) {
    this.canvas = canvas;
    this.legend = legend;
    this.seconds = [];
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  clear() {
    this.seconds = [];
    this.draw();
  }

  /** Add a second: the number of records of each severity, 0 to 7. */
  add(rates) {
    this.seconds.push(GROUPS.map(([, , digits]) => digits.reduce((sum, digit) => sum + rates[digit], 0)));
    this.seconds = this.seconds.slice(-SECONDS);
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const width = (canvas.width = Math.max(1, canvas.clientWidth * ratio));
    const height = (canvas.height = Math.max(1, canvas.clientHeight * ratio));
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colours = GROUPS.map(([name]) => style.getPropertyValue(`--${name}`));
    const most = Math.max(1, ...this.seconds.map((each) => each.reduce((sum, one) => sum + one, 0)));
    const step = width / SECONDS;
    context.clearRect(0, 0, width, height);
    this.seconds.forEach((second, index) => {
      let bottom = height;
      second.forEach((count, group) => {
        const size = (count / most) * height * 0.68;
        context.fillStyle = colours[group];
        context.globalAlpha = group > 1 ? 0.45 : 0.9;
        context.fillRect(width - (this.seconds.length - index) * step, bottom - size, Math.max(1, step - ratio), size);
        bottom -= size;
      });
    });
    this.explain();
  }

  explain() {
    const last = this.seconds.at(-1) ?? GROUPS.map(() => 0);
    const total = last.reduce((sum, one) => sum + one, 0);
    const parts = GROUPS.map(([name, title], group) => make("span", last[group] ? `s-${name}` : "", `${title} ${grouped(last[group])}`));
    this.legend.replaceChildren(make("span", "", `${grouped(total)} records/s`), ...parts);
    this.canvas.setAttribute("aria-label", `${total} records per second, of them ${last[0]} err and worse`);
  }
}
