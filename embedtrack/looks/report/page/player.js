// The movie: which frame is shown, and how.
const canvas = find("#picture"), stage = find("#stage"), slider = find("#slider");
const view = { scale: 1, x: 0, y: 0, fit: 1, width: 1, height: 1 }; // a pixel (x, y) is at (x * scale + view.x, ...)
const stillLonger = 3; // frames for which a division stays marked
let waiting = false;

function measureStage() {
  const box = stage.getBoundingClientRect(), dense = window.devicePixelRatio || 1;
  const zoomed = view.scale / view.fit;
  const middle = [(view.width / 2 - view.x) / view.scale, (view.height / 2 - view.y) / view.scale];
  Object.assign(view, { width: box.width, height: box.height });
  canvas.width = Math.round(box.width * dense);
  canvas.height = Math.round(box.height * dense);
  view.fit = Math.min(box.width / DATA.width, box.height / DATA.height);
  if (zoomed > 1.001) lookAt(middle[0], middle[1], view.fit * zoomed);
  else whole();
}

function whole() {
  lookAt(DATA.width / 2, DATA.height / 2, view.fit);
}

function lookAt(x, y, scale) {
  view.scale = Math.min(Math.max(scale, view.fit), Math.max(40, view.fit));
  view.x = view.width / 2 - x * view.scale;
  view.y = view.height / 2 - y * view.scale;
  keepInside();
}

// nearer or farther, with what is at (x, y) of the stage staying there
function zoom(factor, x = view.width / 2, y = view.height / 2) {
  const before = view.scale;
  view.scale = Math.min(Math.max(before * factor, view.fit), Math.max(40, view.fit));
  view.x = x - ((x - view.x) * view.scale) / before;
  view.y = y - ((y - view.y) * view.scale) / before;
  keepInside();
}

function keepInside() {
  const zoomed = view.scale > view.fit * 1.001; // then any place may come to the middle
  const inside = (at, room, length) => (zoomed ? Math.min(Math.max(at, room / 2 - length), room / 2) : (room - length) / 2);
  view.x = inside(view.x, view.width, DATA.width * view.scale);
  view.y = inside(view.y, view.height, DATA.height * view.scale);
  canvas.style.touchAction = zoomed ? "none" : "pan-y";
  scaleBar();
  paint();
}

function show(frame) {
  state.frame = Math.min(Math.max(frame, 0), DATA.frames - 1);
  if (state.spot && state.spot.frame !== state.frame) state.spot = null;
  emit("frame");
  paint();
}

function step(by) {
  play(false);
  show(state.frame + by);
}

function play(wanted) {
  if (wanted === state.playing) return;
  state.playing = wanted;
  const button = find("#play");
  button.textContent = wanted ? "❚❚" : "▶";
  button.setAttribute("aria-label", wanted ? "Pause" : "Play");
  if (wanted) {
    if (state.frame === DATA.frames - 1) show(0);
    turn();
  }
}

// one frame after the other, none before its image is there
function turn() {
  const due = performance.now() + 1000 / state.rate, next = state.frame + 1;
  if (next >= DATA.frames) return play(false);
  ready(next).then(() =>
    setTimeout(() => {
      if (!state.playing) return;
      show(next);
      turn();
    }, Math.max(0, due - performance.now()))
  );
}

// to a frame and a place, large enough to see
function jump(frame, x, y, around = DATA.size * 5) {
  play(false);
  show(frame);
  state.spot = { frame, x, y };
  lookAt(x, y, Math.min(view.width, view.height) / around);
  if (stage.getBoundingClientRect().top < 0 || stage.getBoundingClientRect().bottom > window.innerHeight)
    find("#player").scrollIntoView({ block: "start" });
}

function paint() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const frame = state.frame;
    if (DATA.images.length && !imageOf(frame).complete) imageOf(frame).ready.then(paint);
    else draw(frame);
    for (let i = 1; i <= 4 && DATA.images.length; i++) if (frame + i < DATA.frames) imageOf(frame + i);
  });
}

function draw(frame) {
  const pen = canvas.getContext("2d"), dense = canvas.width / view.width;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.fillStyle = "#0b0c0e";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(view.scale * dense, 0, 0, view.scale * dense, view.x * dense, view.y * dense);
  background(pen, frame, view.scale);
  const shapes = shapesOf(frame), errors = state.layers.errors ? errorsOf[frame] : null;
  pen.lineJoin = "round";
  const wide = Math.min(Math.max((DATA.size * view.scale) / 20, 1.2), 2) / view.scale;
  if (state.layers.tails) for (const label of shapes.keys()) tail(pen, label, frame, wide, errors ? QUIET : colourOf(label));
  if (state.layers.truth) outline(pen, trueShapesOf(frame).values(), "#ffffff", wide, true);
  if (state.layers.outlines)
    for (const [label, shape] of shapes) outline(pen, [shape], errors ? QUIET : colourOf(label), wide);
  for (let i = Math.max(0, frame - stillLonger + 1); i <= frame && !errors; i++)
    for (const division of divisionsOf[i]) if (division.state !== "lost") bridge(pen, division, frame);
  const chosen = branches.get(state.cell);
  for (const piece of chosen ? chosen.pieces : [])
    if (shapes.has(piece[2])) outline(pen, [shapes.get(piece[2])], "#ffffff", wide * 1.8);
  const words = [];
  for (const error of errors || []) if (!error.follows) words.push(mark(pen, error, wide));
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  if (state.layers.numbers) for (const label of shapes.keys()) number(pen, label, frame);
  write(pen, words);
  if (state.spot) ring(pen);
  const counts = errors && errors.length ? `, ${errors.length} error${errors.length > 1 ? "s" : ""}` : "";
  canvas.setAttribute("aria-label", `Frame ${name(frame)}: ${shapes.size} cells${counts}`);
  canvas.dataset.frame = frame; // what is seen, which may come after what is wanted
}

function background(pen, frame, scale) {
  if (!DATA.images.length) return;
  pen.imageSmoothingEnabled = scale < 4;
  pen.imageSmoothingQuality = "high";
  if (state.contrast) pen.filter = `brightness(${2 ** (1.5 * state.contrast)}) contrast(${2 ** Math.abs(state.contrast / 2)})`;
  pen.drawImage(imageOf(frame), 0, 0, DATA.width, DATA.height);
  pen.filter = "none";
}

// 1, 2 or 5 times a power of ten, a fifth of the stage at most
function scaleBar() {
  const bar = find("#bar");
  bar.hidden = !DATA.pixel;
  if (!DATA.pixel) return;
  const most = (view.width / view.scale) * DATA.pixel * 0.2, power = 10 ** Math.floor(Math.log10(most));
  const length = power * [5, 2, 1].find((factor) => factor * power <= most);
  find("i", bar).style.width = `${(length / DATA.pixel) * view.scale}px`;
  find("span", bar).textContent = length >= 1000 ? `${length / 1000} mm` : `${+length.toPrecision(2)} µm`;
}
