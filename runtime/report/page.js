// Fills the page from its data. All that comes of a run (names, texts of rules) becomes text by textContent, never
// markup.

const data = JSON.parse(document.getElementById("data").textContent);
const section = (id) => document.getElementById(id);

function table(parent, headings, rows, textColumns = []) {
  const box = html("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": headings[0].heading}, parent);
  const element = html("table", {}, box), head = html("tr", {}, html("thead", {}, element));
  const kind = (i) => (textColumns.includes(i) ? {class: "text"} : {});
  headings.forEach(({heading, meaning}, i) =>
    html("th", {scope: "col", title: meaning || "", ...kind(i)}, head, heading));
  const body = html("tbody", {}, element);
  for (const cells of rows) {
    const row = html("tr", {}, body);
    cells.forEach((cell, i) => html(i ? "td" : "th", {...(i ? {} : {scope: "row"}), ...kind(i)}, row, cell));
  }
  return element;
}

const headingsOf = (names) => names.map((heading) => ({heading}));

function fillHeader() {
  document.title = data.title;
  section("title").textContent = data.title;
  const runs = data.runs.length === 1 ? "one run" : `${data.runs.length} runs`;
  section("made").textContent = `${runs}, ${data.groups.length} variants; made ${data.made} by eligo ${data.version}`;
  section("notes").hidden = data.notes.length === 0;
  for (const note of data.notes) html("li", {}, section("notes").querySelector("ul"), note);
}

function fillResults() {
  table(section("results"), [{heading: "variant"}, {heading: "seeds"}, ...data.columns],
        data.groups.map((group) => [group.label, group.seeds, ...group.cells.map((cell) => cell.text)]));
}

function choice(parent, label, id, options, change) {
  const element = html("select", {id}, html("label", {}, parent, `${label} `));
  for (const [value, text] of options) html("option", {value}, element, text);
  element.addEventListener("change", () => change(element.value));
}

// A name with a piece of its line, which hides its curve in all charts and shows it again.
function legendEntry(group, i, state, redraw) {
  const pen = penOf(i), item = html("li", {}, section("legend"));
  const button = html("button", {type: "button", "aria-pressed": "true"}, item);
  const sample = svg("svg", {width: 30, height: 6, "aria-hidden": "true"}, button);
  const stroke = {stroke: pen.colour, "stroke-width": 2.5, "stroke-dasharray": pen.dash};
  svg("line", {x1: 0, x2: 30, y1: 3, y2: 3, ...stroke}, sample);
  html("span", {}, button, group.label);
  button.addEventListener("click", () => {
    if (!state.hidden.delete(i)) state.hidden.add(i);
    button.setAttribute("aria-pressed", String(!state.hidden.has(i)));
    redraw();
  });
}

function fillCurves() {
  const state = {hidden: new Set(), x: "batches", logX: false, logY: "auto"}, charts = [];
  const redraw = () => charts.forEach((chart) => { chart.leave(); chart.draw(); });
  if (!data.charts.length) {
    html("p", {}, section("curves"), "There is no curve yet: no training has two rows of metrics.");
    section("controls").hidden = true;
    return;
  }
  const timed = data.groups.every((group) => group.milliseconds > 0);
  const controls = section("controls");
  const set = (name, of) => (value) => { state[name] = of(value); redraw(); };
  const same = (value) => value;
  if (timed) choice(controls, "over", "over", [["batches", "batches"], ["seconds", "seconds"]], set("x", same));
  choice(controls, "x axis", "x-axis", [["off", "linear"], ["on", "logarithmic"]], set("logX", (v) => v === "on"));
  choice(controls, "y axis", "y-axis", [["auto", "automatic"], ["on", "logarithmic"], ["off", "linear"]],
         set("logY", same));
  data.groups.forEach((group, i) => legendEntry(group, i, state, redraw));
  for (const chart of data.charts) charts.push(new Chart(section("charts"), chart, data.groups, state));
}

function fillCost() {
  const names = ["variant", "parameters", "session memory", "operations: net", "operations: rule", "moved",
                 "traces carried"];
  const known = ["parameters", "memory", "forward", "learning", "moved", "schedule"];
  table(section("cost"), headingsOf(names),
        data.groups.map(({label, cost}) => [label, ...known.map((name) => cost[name] || "")]));
}

// Each text once, with the variants that it belongs to.
function fillEquations() {
  const known = new Map();
  for (const group of data.groups)
    for (const part of group.parts) {
      const key = JSON.stringify([part.kind, part.name, part.text]);
      if (!known.has(key)) known.set(key, {part, labels: []});
      known.get(key).labels.push(group.label);
    }
  const order = ["rule", "cell", "readout", "synth", "optimiser"];
  const all = [...known.values()].sort((a, b) => order.indexOf(a.part.kind) - order.indexOf(b.part.kind));
  for (const {part, labels} of all) {
    const box = html("details", part.kind === "rule" ? {open: ""} : {}, section("equations"));
    const title = html("summary", {}, box);
    html("strong", {}, title, `${part.kind} ${part.name}`);
    if (part.title) html("span", {}, title, `: ${part.title}`);
    const whose = labels.length === data.groups.length ? "of all variants" : `of ${labels.join(", ")}`;
    html("p", {class: "quiet"}, box, whose);
    if (part.paper) html("p", {class: "quiet"}, box, part.paper);
    if (part.text) html("pre", {}, box, part.text);
    else html("p", {}, box, "The run folder has no copy of it.");
  }
}

function fillSettings() {
  const {shared, names, values} = data.settings;
  if (names.length) {
    html("h3", {}, section("settings"), "That differ");
    const rows = data.groups.map((group, i) => [group.label, ...values[i]]);
    table(section("settings"), headingsOf(["variant", ...names]), rows);
  }
  const box = html("details", {}, section("settings"));
  html("summary", {}, box, `${shared.length} that are the same for all`);
  table(box, headingsOf(["setting", "value"]), shared, [1]);
}

function fillRuns() {
  for (const run of data.runs) {
    const box = html("details", data.runs.length < 4 ? {open: ""} : {}, section("runs"));
    html("strong", {}, html("summary", {}, box, ""), run.folder);
    if (run.description) html("p", {}, box, run.description);
    if (run.paper) html("p", {}, box, run.paper);
    if (run.task) html("p", {}, box, run.task);
    html("p", {class: "state"}, box, run.state);
    if (!run.stretches.length) {
      html("p", {class: "quiet"}, box, "The folder does not say on what machine it was made.");
      continue;
    }
    table(box, headingsOf(["began", "ended", "eligo", "processor", "cores", "threads", "memory", "system"]),
          run.stretches.map((s) => [s.began, s.ended, s.version, s.processor, s.cores, s.threads, s.memory, s.system]));
  }
}

fillHeader();
fillResults();
fillCurves();
fillCost();
fillEquations();
fillSettings();
fillRuns();
