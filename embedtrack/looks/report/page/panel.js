// The lists beside the movie, and what is known of the chosen cell.
const PAGE = 100;
const lists = {};

function fillList(id, items, describe) {
  const panel = find(`#${id}`);
  if (!panel) return;
  const list = (lists[id] = { items, kinds: new Set(), shown: PAGE, at: -1, panel, describe });
  const numbers = new Map();
  for (const item of items) numbers.set(item.kind, (numbers.get(item.kind) || 0) + 1);
  for (const [kind, meaning] of Object.entries(DATA.meaning)) {
    const count = numbers.get(kind);
    if (!count) continue;
    const chip = make("button", { type: "button", "aria-pressed": "false", title: meaning, onclick: () => filter(list, kind, chip) },
      ...swatch(kind), kind, make("span", { class: "count" }, String(count)));
    find(".chips", panel).append(chip);
  }
  renderList(list);
}

const swatch = (kind) => (DATA.kinds[kind] ? [make("i", { class: "swatch", colour: DATA.kinds[kind] })] : []);
const chosenItems = (list) => list.items.filter((item) => !list.kinds.size || list.kinds.has(item.kind));

function filter(list, kind, chip) {
  const added = !list.kinds.delete(kind);
  if (added) list.kinds.add(kind);
  chip.setAttribute("aria-pressed", added);
  list.at = -1;
  list.shown = PAGE;
  find(".meaning", list.panel).textContent = [...list.kinds].map((one) => `${one}: ${DATA.meaning[one]}`).join("; ");
  renderList(list);
}

function renderList(list) {
  const items = chosenItems(list), rows = items.slice(0, list.shown);
  const nodes = rows.map((item, i) => make("li", item.follows ? { class: "follows" } : {}, make("button", { type: "button", onclick: () => go(list, i) },
    make("span", { class: "when" }, name(item.frame)), ...swatch(item.kind),
    make("span", { class: "what" }, make("b", {}, item.kind), " ", item.text),
    make("span", { class: "cost" }, list.describe(item)))));
  if (items.length > rows.length)
    nodes.push(make("li", {}, make("button", { type: "button", class: "more", onclick: () => more(list) },
      `${items.length - rows.length} more`)));
  if (!items.length) nodes.push(make("li", { class: "quiet" }, "None."));
  find(".list", list.panel).replaceChildren(...nodes);
}

function more(list) {
  list.shown += PAGE;
  renderList(list);
}

function go(list, i) {
  const items = chosenItems(list);
  if (i < 0 || i >= items.length) return;
  while (list.shown <= i) more(list);
  list.at = i;
  find(".list", list.panel).querySelectorAll("li > button").forEach((row, at) => {
    if (at === i) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  });
  const item = items[i], box = find(".list", list.panel), row = box.children[i];
  box.scrollTop = Math.min(Math.max(box.scrollTop, row.offsetTop + row.offsetHeight - box.clientHeight), row.offsetTop);
  if (item.label) state.cell = trackOf.get(item.label);
  emit("cell");
  jump(item.frame, item.x, item.y);
}

// the next item of the list in view
function goOn(by) {
  const list = Object.values(lists).find((one) => !one.panel.hidden) || Object.values(lists)[0];
  if (list) go(list, Math.max(list.at + by, 0));
}

const tabs = [...document.querySelectorAll("[role=tab]")];
function openTab(tab) {
  for (const one of tabs) {
    one.setAttribute("aria-selected", one === tab);
    one.tabIndex = one === tab ? 0 : -1;
    find(`#${one.getAttribute("aria-controls")}`).hidden = one !== tab;
  }
}
tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => openTab(tab));
  tab.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.stopPropagation();
    const next = tabs[(i + by + tabs.length) % tabs.length];
    openTab(next);
    next.focus();
  });
});

function choose(track) {
  state.cell = branches.has(track) ? track : 0;
  if (state.cell) openTab(find("#tab-cell"));
  emit("cell");
  paint();
}

// choose a cell and show it in a frame in which it is seen
function visit(track, frame) {
  const branch = branches.get(track);
  if (!branch) return;
  choose(track);
  const pieces = branch.pieces, wanted = frame === undefined ? pieces[0][0] : frame;
  const near = pieces.map(([begin, end, label]) => [Math.min(Math.max(wanted, begin), end), label]);
  const [t, label] = near.reduce((a, b) => (Math.abs(b[0] - wanted) < Math.abs(a[0] - wanted) ? b : a));
  const cell = cellsOf(t).get(label);
  jump(t, cell.x, cell.y, Math.max(DATA.size * 5, Math.min(view.width, view.height) / Math.max(view.scale, view.fit)));
}

function about() {
  const branch = branches.get(state.cell), box = find("#about");
  if (!branch) return box.replaceChildren(make("p", { class: "quiet" }, "Click a cell in the movie or a line of the tree."));
  const to = (track) => make("button", { type: "button", class: "link", onclick: () => visit(track) }, String(track));
  const pieces = branch.pieces, first = pieces[0][0], last = pieces[pieces.length - 1][1];
  const here = pieces.find(([begin, end]) => begin <= state.frame && state.frame <= end);
  const cell = here && cellsOf(state.frame).get(here[2]), past = here && cellsOf(Math.max(state.frame - 1, 0)).get(here[2]);
  const square = DATA.pixel ? DATA.pixel ** 2 : 1, unit = DATA.pixel ? "µm" : "px";
  const rows = [
    ["Frames", `${name(first)} to ${name(last)}${pieces.length > 1 ? `, lost ${pieces.length - 1} times` : ""}`],
    ["Mother", branch.parent ? to(branch.parent) : "-"],
    ["Daughters", branch.daughters.length ? make("span", {}, ...branch.daughters.flatMap((track) => [to(track), " "])) : "-"],
    ["Family", make("span", {}, "of ", to(branch.lineage), `, generation ${branch.generation}`)],
    ["Cycle", branch.cycle === null ? "-" : `${branch.cycle} frames`],
    ["Area", cell ? `${+(cell.area * square).toPrecision(3)} ${unit}² in frame ${name(state.frame)}` : "not in this frame"],
    ["Step", cell && past ? `${(Math.hypot(cell.x - past.x, cell.y - past.y) * (DATA.pixel || 1)).toFixed(1)} ${unit}` : "-"],
  ];
  const marked = make("i", { class: "swatch", colour: colourOf(pieces[0][2]) });
  box.replaceChildren(make("h3", {}, marked, `Track ${branch.track}`),
    make("dl", {}, ...rows.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)])), growth(branch));
}

// the cell's area over its life, as a small curve
function growth(branch) {
  const points = [];
  for (const [begin, end, label] of branch.pieces)
    for (let t = begin; t <= end; t++) points.push([t, cellsOf(t).get(label).area]);
  const most = Math.max(...points.map((point) => point[1])), first = points[0][0], long = points[points.length - 1][0] - first || 1;
  const at = ([t, area]) => `${(((t - first) / long) * 196 + 2).toFixed(1)},${(46 - (area / most) * 42).toFixed(1)}`;
  const figure = make("figure", { class: "growth" }, make("figcaption", { class: "quiet" }, "area over time"));
  figure.insertAdjacentHTML("beforeend", `<svg viewBox="0 0 200 50" role="img" aria-label="Area over time, at most ${most} pixels">` +
    `<line class="axis" x1="2" x2="198" y1="46" y2="46"/><polyline class="result" points="${points.map(at).join(" ")}"/></svg>`);
  return figure;
}
