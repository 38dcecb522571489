// Bars by severity, and those of the live view: records per second, of the last two minutes.
import { grouped, make } from "./dom.js";

const SECONDS = 120;
export const GROUPS = [["err", "err and worse", [0, 1, 2, 3]], ["warning", "warning", [4]], ["info", "notice, info", [5, 6]], ["debug", "debug", [7]]];

/** Return the sums of each group of severities, of the counts of each severity, 0 to 7. */
export const inGroups = (counts) => GROUPS.map(([, , digits]) => digits.reduce((sum, digit) => sum + counts[digit], 0));

/** Return the sum of numbers. */
export const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/** Draw bars of counts by group; `begin` is where the first one begins, `step` how far apart they are, in pixels of the page. */
export function paint(canvas, bars, begin, step, part) {
  const ratio = devicePixelRatio || 1;
  const width = (canvas.width = Math.max(1, canvas.clientWidth * ratio));
  const height = (canvas.height = Math.max(1, canvas.clientHeight * ratio));
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colours = GROUPS.map(([name]) => style.getPropertyValue(`--${name}`));
  const most = Math.max(1, ...bars.map(sum));
  context.clearRect(0, 0, width, height);
  bars.forEach((bar, index) => {
    let bottom = height;
    bar.forEach((count, group) => {
      const size = count && Math.max(ratio, (count / most) * height * part);
      context.fillStyle = colours[group];
      context.globalAlpha = group > 1 ? 0.45 : 0.9;
      context.fillRect((begin + index * step) * ratio, bottom - size, Math.max(1, (step - 1) * ratio), size);
      bottom -= size;
    });
  });
}

/** Return the parts of a legend: each group with its number. */
export const legendOf = (numbers) => GROUPS.map(([name, title], group) => make("span", numbers[group] ? `s-${name}` : "", [make("span", "long", title), make("span", "short", name), ` ${grouped(numbers[group])}`]));

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
    this.seconds.push(inGroups(rates));
    this.seconds = this.seconds.slice(-SECONDS);
    this.draw();
  }

  draw() {
    const width = this.canvas.clientWidth;
    const step = width / SECONDS;
    paint(this.canvas, this.seconds, width - this.seconds.length * step, step, 0.95);
    this.explain();
  }

  explain() {
    const last = this.seconds.at(-1) ?? GROUPS.map(() => 0);
    const total = sum(last);
    this.legend.replaceChildren(make("span", "", `${grouped(total)} records/s`), ...legendOf(last));
    this.canvas.setAttribute("aria-label", `${total} records per second, of them ${last[0]} err and worse`);
  }
}
