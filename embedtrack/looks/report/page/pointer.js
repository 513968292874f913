// Mouse and fingers on the picture: drag, pinch, wheel, click on a cell.
const held = new Map(); // pointer -> where it is
let moved = 0;

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  held.set(event.pointerId, [event.offsetX, event.offsetY]);
  if (held.size === 1) moved = 0;
});

canvas.addEventListener("pointermove", (event) => {
  const before = held.get(event.pointerId);
  if (!before) return;
  const now = [event.offsetX, event.offsetY];
  const other = [...held].find(([pointer]) => pointer !== event.pointerId);
  moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
  held.set(event.pointerId, now);
  if (other) {
    const [x, y] = other[1], far = (spot) => Math.max(Math.hypot(spot[0] - x, spot[1] - y), 10);
    zoom(far(now) / far(before), (x + now[0]) / 2, (y + now[1]) / 2);
  } else if (moved > 4) {
    view.x += now[0] - before[0];
    view.y += now[1] - before[1];
    keepInside();
  }
});

for (const end of ["pointerup", "pointercancel"])
  canvas.addEventListener(end, (event) => {
    const clicked = end === "pointerup" && held.size === 1 && moved <= 4;
    held.delete(event.pointerId);
    if (clicked) choose(cellAt(event.offsetX, event.offsetY));
  });

canvas.addEventListener("dblclick", (event) => zoom(2, event.offsetX, event.offsetY));

// the wheel scrolls the page unless the picture was clicked before
canvas.addEventListener("wheel", (event) => {
  if (document.activeElement !== canvas && !event.ctrlKey) return;
  event.preventDefault();
  zoom(Math.exp(-Math.min(Math.max(event.deltaY, -120), 120) / 250), event.offsetX, event.offsetY);
}, { passive: false });

function cellAt(x, y) {
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  const [px, py] = [(x - view.x) / view.scale, (y - view.y) / view.scale];
  for (const [label, shape] of shapesOf(state.frame)) if (pen.isPointInPath(shape, px, py)) return trackOf.get(label);
  return 0;
}
