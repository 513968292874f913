// Buttons, keys, and the start.
for (const button of document.querySelectorAll("[data-layer]")) {
  const layer = button.dataset.layer;
  state.layers[layer] = button.getAttribute("aria-pressed") === "true";
  button.addEventListener("click", () => {
    state.layers[layer] = !state.layers[layer];
    button.setAttribute("aria-pressed", state.layers[layer]);
    paint();
  });
}
const press = (layer) => find(`[data-layer=${layer}]`)?.click();

find("#play").addEventListener("click", () => play(!state.playing));
find("#back").addEventListener("click", () => step(-1));
find("#forth").addEventListener("click", () => step(1));
find("#nearer").addEventListener("click", () => zoom(1.5));
find("#farther").addEventListener("click", () => zoom(1 / 1.5));
find("#whole").addEventListener("click", whole);
find("#rate").addEventListener("change", (event) => (state.rate = +event.target.value));
find("#contrast").addEventListener("input", (event) => {
  state.contrast = +event.target.value;
  paint();
});
slider.addEventListener("input", () => step(+slider.value - state.frame));
find("#families").addEventListener("change", growTree);
find("#find").addEventListener("submit", (event) => {
  event.preventDefault();
  const label = +find("#wanted").value, track = trackOf.get(label);
  if (track) visit(track, state.frame);
  else find("#about").replaceChildren(make("p", { class: "quiet" }, `There is no track ${label}.`));
});
find("#strip").addEventListener("click", (event) => {
  const box = find("#strip").getBoundingClientRect();
  step(Math.round(((event.clientX - box.left) / box.width) * (DATA.frames - 1)) - state.frame);
});
find("#over-time").addEventListener("click", (event) => {
  const box = find("#over-time").getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * 360;
  step(Math.round(((x - 40) / 310) * (DATA.frames - 1)) - state.frame);
});

const KEYS = {
  " ": () => play(!state.playing),
  ArrowLeft: (event) => step(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => step(event.shiftKey ? 10 : 1),
  Home: () => step(-DATA.frames),
  End: () => step(DATA.frames),
  "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: whole,
  o: () => press("outlines"), t: () => press("tails"), n: () => press("numbers"), e: () => press("errors"), g: () => press("truth"),
  j: () => goOn(1), k: () => goOn(-1),
};
document.addEventListener("keydown", (event) => {
  const at = event.target, typing = at.matches("input:not([type=range]):not([type=checkbox]), select");
  const ownSpace = event.key === " " && at.closest("button, input[type=checkbox]");
  if (typing || ownSpace || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key](event);
});

on("frame", () => {
  slider.value = state.frame;
  slider.setAttribute("aria-valuetext", `frame ${name(state.frame)}`);
  const seconds = DATA.interval ? state.frame * DATA.interval : null, two = (part) => String(part).padStart(2, "0");
  const clock = seconds === null ? "" : `  ${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(Math.round(seconds) % 60)}`;
  find("#now").textContent = `${name(state.frame)} / ${name(DATA.frames - 1)}${clock}`;
  const cursor = find("#over-time .cursor"), x = 40 + (state.frame / Math.max(DATA.frames - 1, 1)) * 310;
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, x);
  treeCursor();
  if (state.cell) about();
});
on("cell", about);
on("cell", treeChoice);

new ResizeObserver(measureStage).observe(stage);
new ResizeObserver(() => find(".scroll", tree).clientWidth !== shape.width && growTree()).observe(tree);
fillList("errors", DATA.errors || [], (error) => `${error.operation} ${error.cost}`);
fillList("hints", DATA.hints, (hint) => `track ${trackOf.get(hint.label)}`);
tabs.forEach((tab) => (tab.tabIndex = tab.getAttribute("aria-selected") === "true" ? 0 : -1));
showDivisions();
measureStage();
growTree();
show(0);
