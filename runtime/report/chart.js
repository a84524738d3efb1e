"use strict";
// Curves as SVG. A chart knows nothing of the page but the groups' labels and which of them are shown.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 66, LABELS = 176;  // room for the numbers of the y axis, and for the names at the lines' ends

function svg(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

// As much of a label as its room holds.
function fit(text, label, room) {
  const characters = [...label];
  text.textContent = label;
  while (characters.length > 1 && text.getComputedTextLength() > room) {
    characters.pop();
    text.textContent = characters.join("") + "…";
  }
}

function html(name, attributes, parent, text) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

// The same pens as in curves.svg: no two of the first forty are alike.
const DASHES = ["", "7 4", "2 3", "11 3 2 3"];
function penOf(group) {
  return {colour: `var(--c${group % 10})`, dash: DASHES[(Math.floor(group / 5) + Math.floor(group / 20)) % 4]};
}

function shortNumber(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6))
    return Number(value.toPrecision(3)).toExponential().replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

// Round numbers within a range, about `wanted` of them.
function linearTicks(low, high, wanted) {
  const raw = (high - low) / wanted;
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((s) => s * power >= raw) || 10);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k) ticks.push(k * step);
  return ticks;
}

function logarithmicTicks(low, high, wanted) {
  const decades = Math.log10(high / low), every = Math.max(1, Math.ceil(decades / wanted)), ticks = [];
  for (let p = Math.floor(Math.log10(low)); 10 ** p <= high; p += every)
    for (const factor of decades < 2.5 ? [1, 2, 5] : [1])
      if (factor * 10 ** p >= low && factor * 10 ** p <= high) ticks.push(factor * 10 ** p);
  return ticks;
}

class Axis {
  constructor(low, high, logarithmic, from, to) {
    if (!(high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)))) {  // equal but for rounding
      const room = Math.abs(high) / 2 + 0.5;
      [low, high] = logarithmic ? [low / 2, high * 2] : [low - room, high + room];
    }
    Object.assign(this, {low, high, logarithmic, from, to});
  }
  place(value) {
    const share = this.logarithmic
      ? Math.log(Math.max(value, this.low) / this.low) / Math.log(this.high / this.low)
      : (value - this.low) / (this.high - this.low);
    return this.from + Math.min(Math.max(share, -0.02), 1.02) * (this.to - this.from);
  }
  ticks(wanted) {
    return this.logarithmic ? logarithmicTicks(this.low, this.high, wanted) : linearTicks(this.low, this.high, wanted);
  }
}

// Places for labels in a column, as near to where they want to be as fits with `gap` between them.
function spreadOut(wanted, gap, low, high) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const places = [];
  let last = low - gap;
  for (const i of order) last = places[i] = Math.max(wanted[i], last + gap);
  let bound = high;
  for (const i of order.slice().reverse()) {
    places[i] = Math.min(places[i], bound);
    bound = places[i] - gap;
  }
  return places;
}

class Chart {
  // `state`: {hidden: a set of groups, x: "batches" or "seconds", logX, logY: "auto", "on" or "off"}.
  constructor(parent, data, groups, state) {
    Object.assign(this, {data, groups, state});
    this.box = html("figure", {class: "chart", id: `chart-${data.id}`, style: "margin:0"}, parent);
    html("h3", {}, this.box, data.heading);
    if (data.note) html("p", {class: "quiet"}, this.box, data.note);
    this.view = svg("svg", {tabindex: "0", role: "img", "aria-label": data.heading}, this.box);
    this.tip = html("div", {class: "tip", hidden: "", role: "status"}, this.box);
    this.view.addEventListener("pointermove", (e) => this.point(e.clientX - this.view.getBoundingClientRect().left));
    this.view.addEventListener("pointerleave", () => this.leave());
    this.view.addEventListener("blur", () => this.leave());
    this.view.addEventListener("keydown", (e) => this.key(e));
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  // A curve over a setting goes through several groups and has a name and pen of its own.
  label(curve) { return curve.label || this.groups[curve.group].label; }
  pen(curve) { return penOf(curve.pen === undefined ? curve.group : curve.pen); }
  curves() { return this.data.curves.filter((curve) => !this.state.hidden.has(curve.group)); }
  // Batches, or the seconds that so many took on the average.
  unit(curve) {
    return this.state.x === "seconds" && !this.data.x ? this.groups[curve.group].milliseconds / 1000 : 1;
  }

  ranges() {
    const x = [], y = [];
    for (const curve of this.curves()) {
      const unit = this.unit(curve);
      for (const [at, mean] of curve.band) { x.push(at * unit); y.push(mean); }
      for (const line of curve.lines) for (const [at, value] of line) { x.push(at * unit); y.push(value); }
    }
    const extent = (v, positive) => {
      let low = Infinity, high = -Infinity;
      for (const one of v) {
        if (positive && !(one > 0)) continue;
        low = Math.min(low, one); high = Math.max(high, one);
      }
      return low <= high ? [low, high] : [0.1, 1];
    };
    const positive = extent(y, true);
    const logY = this.state.logY === "on"
      || (this.state.logY === "auto" && this.data.loss && extent(y)[0] >= 0 && positive[1] / positive[0] > 20);
    return {x: extent(x, this.state.logX), y: extent(y, logY), logY};
  }

  draw() {
    const width = Math.max(260, this.box.clientWidth), height = Math.round(Math.min(380, Math.max(260, width * 0.62)));
    const named = width >= 480 && this.curves().length <= 20;  // else the legend above has to do
    const right = width - (named ? LABELS : 14);
    this.view.replaceChildren();
    this.view.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.view.setAttribute("height", height);
    const {x, y, logY} = this.ranges();
    const room = logY ? (y[1] / y[0]) ** 0.04 : (y[1] - y[0]) * 0.04;
    this.x = new Axis(x[0], x[1], this.state.logX, LEFT, right);
    this.y = logY ? new Axis(y[0] / room, y[1] * room, true, height - 40, 10)
                  : new Axis(y[0] - room, y[1] + room, false, height - 40, 10);
    this.height = height;
    this.drawAxes(width, height, right);
    // Many bands that overlap would cover each other and the lines.
    const areas = svg("g", {class: this.curves().length > 5 ? "many" : ""}, this.view), lines = svg("g", {}, this.view);
    for (const curve of this.curves().slice().reverse()) this.drawCurve(curve, areas, lines);
    if (named) this.drawLabels(right, height);
    this.overlay = svg("g", {}, this.view);
  }

  drawAxes(width, height, right) {
    for (const tick of this.x.ticks(Math.max(3, Math.floor(right / 90)))) {
      const at = this.x.place(tick);
      svg("line", {class: "grid", x1: at, x2: at, y1: 10, y2: height - 40}, this.view);
      const edge = at > width - 28;  // where half of a number would be cut off
      svg("text", {x: edge ? width : at, y: height - 24, "text-anchor": edge ? "end" : "middle"}, this.view)
        .textContent = shortNumber(tick);
    }
    for (const tick of this.y.ticks(6)) {
      const at = this.y.place(tick);
      svg("line", {class: "grid", x1: LEFT, x2: right, y1: at, y2: at}, this.view);
      svg("text", {x: LEFT - 6, y: at + 4, "text-anchor": "end"}, this.view).textContent = shortNumber(tick);
    }
    svg("path", {class: "axis", d: `M${LEFT},10V${height - 40}H${right}`}, this.view);
    const unit = this.data.x ? this.data.x
               : this.state.x === "seconds" ? "seconds of training batches" : "batches";
    svg("text", {x: right, y: height - 6, "text-anchor": "end"}, this.view).textContent = unit;
    const middle = (height - 30) / 2;
    svg("text", {x: 11, y: middle, transform: `rotate(-90 11 ${middle})`, "text-anchor": "middle"}, this.view)
      .textContent = this.data.y;
  }

  drawCurve(curve, areas, lines) {
    const pen = this.pen(curve), unit = this.unit(curve);
    const path = (points) => points.map(([at, value], i) =>
      `${i ? "L" : "M"}${this.x.place(at * unit).toFixed(1)},${this.y.place(value).toFixed(1)}`).join("");
    const reached = curve.band.length ? curve.band[curve.band.length - 1][0] : -Infinity;
    if (curve.lines.length > 1) {
      const upper = curve.band.map(([at, mean, error]) => [at, mean + error]);
      const lower = curve.band.map(([at, mean, error]) => [at, mean - error]).reverse();
      if (upper.length > 1)
        svg("path", {class: "band", fill: pen.colour, d: path(upper) + path(lower).replace("M", "L") + "Z"}, areas);
      for (const line of curve.lines) {
        const rest = line.filter(([at]) => at >= reached);
        if (rest.length > 1) svg("path", {class: "seed", stroke: pen.colour, d: path(rest)}, lines);
      }
    }
    svg("path", {class: "mean", "data-group": curve.group, stroke: pen.colour, "stroke-dasharray": pen.dash,
                 d: path(curve.band)}, lines);
  }

  drawLabels(right, height) {
    const curves = this.curves().filter((curve) => curve.band.length);
    const ends = curves.map((curve) => {
      const last = curve.band[curve.band.length - 1];
      return [this.x.place(last[0] * this.unit(curve)), this.y.place(last[1])];
    });
    const places = spreadOut(ends.map((end) => end[1]), 15, 12, height - 40);
    curves.forEach((curve, i) => {
      const pen = this.pen(curve), label = this.label(curve);
      const leader = `M${ends[i][0]},${ends[i][1]}L${right + 10},${places[i]}`;
      svg("path", {class: "leader", stroke: pen.colour, d: leader}, this.view);
      const text = svg("text", {x: right + 13, y: places[i] + 4, style: `fill:${pen.colour}`}, this.view);
      fit(text, label, LABELS - 16);
      svg("title", {}, text).textContent = label;
    });
  }

  // The values nearest to a place on the axis.
  point(pixel) {
    const curves = this.curves().filter((curve) => curve.band.length);
    if (!curves.length || !this.x) return;
    const distance = (curve, p) => Math.abs(this.x.place(p[0] * this.unit(curve)) - pixel);
    const nearest = curves.map((curve) => ({
      curve, point: curve.band.reduce((a, b) => (distance(curve, b) < distance(curve, a) ? b : a))}));
    const one = nearest.reduce((a, b) => (distance(b.curve, b.point) < distance(a.curve, a.point) ? b : a));
    this.at = this.x.place(one.point[0] * this.unit(one.curve));
    const there = nearest.filter((n) => distance(n.curve, n.point) < Math.abs(this.at - pixel) + 12);
    there.sort((a, b) => b.point[1] - a.point[1]);
    this.show(one, there);
  }

  show(one, there) {
    this.overlay.replaceChildren();
    svg("line", {class: "guide", x1: this.at, x2: this.at, y1: 10, y2: this.height - 40}, this.overlay);
    this.tip.replaceChildren();
    const x = one.point[0] * this.unit(one.curve);
    html("strong", {}, this.tip, this.data.x ? `${this.data.x} ${shortNumber(x)}`
                               : `${shortNumber(x)} ${this.state.x === "seconds" ? "s" : "batches"}`);
    const table = html("table", {}, this.tip);
    for (const {curve, point} of there.slice(0, 16)) {
      const pen = this.pen(curve), row = html("tr", {}, table);
      const place = {cx: this.x.place(point[0] * this.unit(curve)), cy: this.y.place(point[1])};
      svg("circle", {...place, r: 3.5, fill: pen.colour}, this.overlay);
      html("th", {style: `color:${pen.colour}`}, row, this.label(curve));
      html("td", {}, row, shortNumber(point[1]) + (point[3] > 1 ? ` ± ${shortNumber(point[2])}` : ""));
    }
    this.tip.hidden = false;
    const room = this.box.clientWidth - this.tip.offsetWidth;
    const beside = this.at + 14 > room ? this.at - 14 - this.tip.offsetWidth : this.at + 14;
    this.tip.style.left = `${Math.max(0, Math.min(beside, room))}px`;
  }

  leave() {
    this.tip.hidden = true;
    if (this.overlay) this.overlay.replaceChildren();
  }

  key(event) {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    const curves = this.curves().filter((curve) => curve.band.length);
    if (event.key === "Escape") this.leave();
    if (!step || !curves.length) return;
    event.preventDefault();
    const all = curves.flatMap((curve) => curve.band.map((p) => this.x.place(p[0] * this.unit(curve))));
    all.sort((a, b) => a - b);
    const from = this.tip.hidden ? (step > 0 ? -Infinity : Infinity) : this.at;
    const next = step > 0 ? all.find((p) => p > from + 0.5) : all.reverse().find((p) => p < from - 0.5);
    if (next !== undefined) this.point(next);
  }
}
