// What is drawn over the frame: outlines, tails, divisions, errors and words. Sizes are in pixels of the frame.
const QUIET = "#788296"; // of outlines where errors are to stand out, as in the movies

function outline(pen, shapes, colour, wide, dashed = false) {
  pen.strokeStyle = colour;
  pen.lineWidth = wide;
  pen.setLineDash(dashed ? [3 * wide, 3 * wide] : []);
  for (const shape of shapes) pen.stroke(shape);
  pen.setLineDash([]);
}

// where the cell and its ancestors were in the last ten frames
function tail(pen, label, frame, wide, colour) {
  let branch = branches.get(trackOf.get(label));
  pen.strokeStyle = colour;
  pen.lineWidth = wide;
  pen.beginPath();
  for (let t = frame; branch && t >= Math.max(frame - 10, 0); t--) {
    if (t < branch.pieces[0][0]) branch = branches.get(branch.parent);
    const piece = branch && branch.pieces.find(([begin, end]) => begin <= t && t <= end);
    const cell = piece && cellsOf(t).get(piece[2]);
    if (cell) pen.lineTo(cell.x + 0.5, cell.y + 0.5);
  }
  pen.stroke();
}

// the daughters of a division, joined by a white line with a diamond in its middle
function bridge(pen, division, frame) {
  const here = division.daughters.map((label) => cellsOf(frame).get(label)).filter(Boolean);
  if (here.length < 2) return;
  const x = here.reduce((sum, cell) => sum + cell.x, 0) / here.length + 0.5;
  const y = here.reduce((sum, cell) => sum + cell.y, 0) / here.length + 0.5;
  const r = 4 / view.scale;
  pen.strokeStyle = pen.fillStyle = "#ffffff";
  pen.lineWidth = 1.2 / view.scale;
  pen.beginPath();
  for (const cell of here) {
    pen.moveTo(x, y);
    pen.lineTo(cell.x + 0.5, cell.y + 0.5);
  }
  pen.stroke();
  pen.beginPath();
  for (const [dx, dy] of [[0, -r], [r, 0], [0, r], [-r, 0]]) pen.lineTo(x + dx, y + dy);
  pen.fill();
}

// an error in its colour and shape; gives the word for it
function mark(pen, error, wide) {
  const colour = DATA.kinds[error.kind], masks = shapesOf(error.frame), cells = trueShapesOf(error.frame);
  const thick = wide * 1.8;
  if (error.operation === "FN") outline(pen, [cells.get(error.cells[0][1])], colour, thick);
  else if (error.operation === "FP") {
    outline(pen, [masks.get(error.masks[0][1])], colour, thick);
    cross(pen, error);
  } else if (error.operation === "NS") {
    outline(pen, [masks.get(error.masks[0][1])], colour, thick);
    outline(pen, error.cells.map((node) => cells.get(node[1])), colour, wide * 0.7);
  } else link(pen, error, colour, thick);
  return { x: error.x, y: error.y, text: error.kind, colour };
}

function cross(pen, error) {
  const r = Math.max(4 / view.scale, DATA.size / 6);
  pen.beginPath();
  for (const side of [-1, 1]) {
    pen.moveTo(error.x + 0.5 - r, error.y + 0.5 - r * side);
    pen.lineTo(error.x + 0.5 + r, error.y + 0.5 + r * side);
  }
  pen.stroke();
}

// from where the cell was to where it is: whole for a link that was made, dotted for one that is lost
function link(pen, error, colour, thick) {
  const [[x0, y0], [x1, y1]] = error.ends.map(([x, y]) => [x + 0.5, y + 0.5]);
  const long = Math.hypot(x1 - x0, y1 - y0), r = Math.max(5 / view.scale, DATA.size / 5);
  pen.strokeStyle = colour;
  pen.lineWidth = thick;
  pen.setLineDash(error.operation === "EA" ? [2 * thick, 2 * thick] : []);
  pen.beginPath();
  pen.moveTo(x0, y0);
  if (long > r) pen.lineTo(x1 - ((x1 - x0) * r) / long, y1 - ((y1 - y0) * r) / long);
  pen.stroke();
  pen.setLineDash([]);
  pen.beginPath();
  pen.arc(x1, y1, r, 0, 2 * Math.PI);
  pen.stroke();
}

// words beside their places, in pixels of the stage; one that would cover another is left out
function write(pen, words) {
  pen.font = "600 12px system-ui, sans-serif";
  pen.textAlign = "left";
  const taken = [];
  for (const word of words) {
    const wide = pen.measureText(word.text).width, at = [word.x * view.scale + view.x, word.y * view.scale + view.y];
    if (at[0] < 0 || at[1] < 0 || at[0] > view.width || at[1] > view.height) continue;
    const x = Math.min(at[0] + 10, view.width - wide - 4), y = Math.max(at[1] - 8, 12);
    if (taken.some((one) => x < one.end && x + wide > one.x && Math.abs(y - one.y) < 13)) continue;
    taken.push({ x, end: x + wide, y });
    say(pen, word.text, x, y, word.colour);
  }
}

function say(pen, text, x, y, colour) {
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.strokeStyle = "rgb(0 0 0 / 80%)";
  pen.strokeText(text, x, y);
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

function number(pen, label, frame) {
  const cell = cellsOf(frame).get(label);
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "center";
  if (pen.measureText(label).width < 1.5 * Math.sqrt(cell.area) * view.scale)
    say(pen, String(label), (cell.x + 0.5) * view.scale + view.x, (cell.y + 0.5) * view.scale + view.y + 4, "#ffffff");
}

// around the place to which the page jumped
function ring(pen) {
  pen.strokeStyle = "#ffffff";
  pen.lineWidth = 1.5;
  pen.setLineDash([5, 4]);
  pen.beginPath();
  const r = Math.max(DATA.size * view.scale * 1.1, 16);
  pen.arc((state.spot.x + 0.5) * view.scale + view.x, (state.spot.y + 0.5) * view.scale + view.y, r, 0, 2 * Math.PI);
  pen.stroke();
  pen.setLineDash([]);
}
