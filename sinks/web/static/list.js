// A list of a fixed number of items, of which only those in sight are elements.

const SPARE = 12;
const CHARS_MAX = 32 << 20;
const OVERHEAD = 300;

/** Return how many of the oldest items have to go, so that at most so many are left, and a bounded amount of text. */
export function surplus(items, most) {
  let chars = 0;
  for (let index = items.length - 1; index >= 0; index -= 1) {
    chars += (items[index].message ?? "").length + OVERHEAD;
    if (items.length - index > most || chars > CHARS_MAX) return index + 1;
  }
  return 0;
}

/** Items in a scrolling box. `render` returns an item's element; an item that is `open` may be higher than others. */
export class List {
  constructor(box, most, render, empty) {
    this.box = box;
    this.most = most;
    this.render = render;
    this.items = [];
    this.extra = new Map(); // item -> pixels that it is higher than a closed one
    this.open = new Set();
    this.chosen = null;
    this.following = true;
    this.dropped = 0;
    this.sizer = box.appendChild(document.createElement("div"));
    this.sizer.className = "sizer";
    this.empty = box.appendChild(empty);
    this.due = false;
    box.addEventListener("scroll", () => this.scrolled());
    new ResizeObserver(() => this.draw()).observe(box);
  }

  get height() {
    return matchMedia("(max-width: 720px)").matches ? 40 : 20;
  }

  clear() {
    this.items = [];
    this.extra.clear();
    this.open.clear();
    this.chosen = null;
    this.following = true;
    this.dropped = 0;
    this.draw();
  }

  /** Add items at the end; drop the oldest beyond the most, and keep in place what is in sight. */
  add(items) {
    this.items.push(...items);
    const over = surplus(this.items, this.most);
    if (over > 0) this.drop(over);
    this.draw();
  }

  drop(count) {
    const gone = this.items.splice(0, count);
    let height = count * this.height;
    for (const item of gone) {
      height += this.extra.get(item) ?? 0;
      this.extra.delete(item);
      this.open.delete(item);
    }
    this.dropped += count;
    if (!this.following) this.box.scrollTop = Math.max(0, this.box.scrollTop - height);
  }

  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.box;
    const atEnd = scrollTop + clientHeight >= scrollHeight - this.height;
    if (atEnd !== this.following) {
      this.following = atEnd;
      this.box.dispatchEvent(new CustomEvent("follow", { detail: atEnd }));
    }
    this.draw();
  }

  follow() {
    this.following = true;
    this.draw();
    this.box.dispatchEvent(new CustomEvent("follow", { detail: true }));
  }

  /** Draw soon: at most once a frame. */
  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.paint();
    });
  }

  /** Keep in place what is in sight when all items have become higher, or less high. */
  fit() {
    const { height } = this;
    if (height === this.fitted) return;
    const first = Math.floor(this.box.scrollTop / (this.fitted ?? height));
    this.fitted = height;
    this.extra.clear();
    this.sizer.style.height = `${this.items.length * height}px`;
    this.box.scrollTop = first * height;
  }

  top(index) {
    let top = index * this.height;
    for (const [item, extra] of this.extra) if (this.items.indexOf(item) < index) top += extra;
    return top;
  }

  paint() {
    this.fit();
    this.empty.hidden = this.items.length > 0;
    const total = this.top(this.items.length);
    this.sizer.style.height = `${total}px`;
    if (this.following && this.pinned !== false) this.box.scrollTop = total;
    const from = this.firstIn(this.box.scrollTop) - SPARE;
    const first = Math.max(0, from);
    const last = Math.min(this.items.length, this.firstIn(this.box.scrollTop + this.box.clientHeight) + SPARE);
    const elements = [];
    let top = this.top(first);
    for (let index = first; index < last; index += 1) {
      const item = this.items[index];
      const element = this.render(item, this.open.has(item), item === this.chosen);
      element.style.top = `${top}px`;
      element.item = item;
      elements.push(element);
      top += this.height + (this.extra.get(item) ?? 0);
    }
    this.sizer.replaceChildren(...elements);
    this.measure(elements);
  }

  firstIn(pixels) {
    if (!this.extra.size) return Math.floor(pixels / this.height);
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.top(middle + 1) <= pixels) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Learn how high the open ones are; draw again if that is news. */
  measure(elements) {
    let news = false;
    for (const { item, offsetHeight } of elements) {
      const extra = this.open.has(item) ? Math.max(0, offsetHeight - this.height) : 0;
      if ((this.extra.get(item) ?? 0) !== extra) {
        news = true;
        if (extra) this.extra.set(item, extra);
        else this.extra.delete(item);
      }
    }
    if (news) this.draw();
  }

  toggle(item) {
    if (!this.open.delete(item)) this.open.add(item);
    if (this.items.at(-1) !== item) this.following = false;
    this.draw();
  }

  /** Choose the item that is `step` further, and bring it into sight. */
  choose(step) {
    if (!this.items.length) return;
    const now = this.chosen ? this.items.indexOf(this.chosen) : step > 0 ? this.firstIn(this.box.scrollTop) - 1 : this.items.length;
    const index = Math.min(this.items.length - 1, Math.max(0, now + step));
    this.chosen = this.items[index];
    const top = this.top(index);
    const bottom = top + this.height + (this.extra.get(this.chosen) ?? 0);
    this.following = false;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (bottom > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = bottom - this.box.clientHeight;
    this.draw();
  }
}
