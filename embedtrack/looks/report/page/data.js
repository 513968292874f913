// What the page was given, and what every part of it needs.
const DATA = JSON.parse(document.getElementById("data").textContent);
const find = (selector, root = document) => root.querySelector(selector);
const state = { frame: 0, playing: false, rate: 5, cell: 0, spot: null, contrast: 0, layers: {} };
const listeners = { frame: [], cell: [], layers: [] };
const on = (event, call) => listeners[event].push(call);
const emit = (event) => listeners[event].forEach((call) => call());
const name = (frame) => String(DATA.first + frame).padStart(DATA.digits, "0");
const colourOf = (label) => DATA.colours[label] || "#999";

const branches = new Map(DATA.tree.branches.map((branch) => [branch.track, branch]));
const trackOf = new Map(); // label -> name of the cell
for (const branch of branches.values()) for (const piece of branch.pieces) trackOf.set(piece[2], branch.track);

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "colour") node.style.setProperty("--c", value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// label -> the cell's shape in a frame, from bytes as outlines.py packs them
function unpack(text) {
  const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(raw.buffer), shapes = new Map();
  for (let at = 0; at < raw.length; ) {
    const label = view.getUint16(at, true), corners = view.getUint16(at + 2, true);
    let x = view.getUint16(at + 4, true) + 0.5, y = view.getUint16(at + 6, true) + 0.5;
    at += 8;
    const shape = shapes.get(label) || new Path2D();
    shape.moveTo(x, y);
    for (let i = 1; i < corners; i++) {
      x += view.getInt8(at++);
      y += view.getInt8(at++);
      shape.lineTo(x, y);
    }
    shape.closePath();
    shapes.set(label, shape);
  }
  return shapes;
}

// the last values of a slow function
function remembered(compute, most) {
  const known = new Map();
  return (key) => {
    if (!known.has(key)) {
      known.set(key, compute(key));
      if (known.size > most) known.delete(known.keys().next().value);
    }
    return known.get(key);
  };
}
const shapesOf = remembered((frame) => unpack(DATA.outlines[frame]), 40);
const trueShapesOf = remembered((frame) => unpack(DATA.truth[frame]), 40);
const cellsOf = remembered((frame) => {
  const [labels, x, y, area] = DATA.cells[frame];
  return new Map(labels.map((label, i) => [label, { x: x[i], y: y[i], area: area[i] }]));
}, 60);
const imageOf = remembered((frame) => {
  const image = new Image();
  image.ready = new Promise((done) => (image.onload = image.onerror = done));
  image.src = "data:image/jpeg;base64," + DATA.images[frame];
  return image;
}, 40);
const ready = (frame) => (DATA.images.length ? imageOf(frame).ready : Promise.resolve());

const byFrame = (list) => {
  const frames = Array.from({ length: DATA.frames }, () => []);
  for (const one of list || []) frames[one.frame].push(one);
  return frames;
};
const errorsOf = byFrame(DATA.errors);
const divisionsOf = byFrame(DATA.divisions);
