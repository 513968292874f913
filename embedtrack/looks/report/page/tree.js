// The lineage tree: time goes right, each cell has a row.
const tree = find("#tree"), leaves = find("svg", tree);
const shape = { left: 34, right: 12, width: 0, row: 8 };
const timeToX = (t) => shape.left + ((t + 0.5) / DATA.frames) * (shape.width - shape.left - shape.right);

function growTree() {
  const only = find("#families").checked, rows = only ? DATA.tree.dividing : DATA.tree.rows;
  shape.width = find(".scroll", tree).clientWidth;
  shape.row = Math.min(Math.max(420 / Math.max(rows, 1), 7), 16);
  const height = rows * shape.row + 8, y = (row) => 4 + (row + 0.5) * shape.row;
  leaves.setAttribute("viewBox", `0 0 ${shape.width} ${height}`);
  leaves.setAttribute("height", height);
  const parts = [];
  let written = -Infinity; // rows are lower than letters where there are many: every second or third number stands then
  const room = (row) => Math.abs(row - written) * shape.row >= 10 && ((written = row), true);
  for (const branch of [...branches.values()].sort((a, b) => a.row - b.row)) {
    if (only && branch.row >= rows) continue;
    const at = y(branch.row), colour = colourOf(branch.pieces[0][2]), last = branch.pieces[branch.pieces.length - 1][1];
    const lines = branch.pieces.map(([begin, end]) => `M${(timeToX(begin - 0.5)).toFixed(1)} ${at}H${timeToX(end + 0.5).toFixed(1)}`);
    const gaps = branch.pieces.slice(1).map(([begin], i) => `M${timeToX(branch.pieces[i][1] + 0.5).toFixed(1)} ${at}H${timeToX(begin - 0.5).toFixed(1)}`);
    const ends = branch.daughters.map((track) => y(branches.get(track).row)), x = timeToX(last + 0.5).toFixed(1);
    const fork = ends.length ? `M${x} ${Math.min(...ends)}V${Math.max(...ends)}` : "";
    parts.push(`<g data-track="${branch.track}" style="--c:${colour}"><title>track ${branch.track}, frames ${name(branch.pieces[0][0])} to ${name(last)}</title>` +
      `<path class="touch" d="${lines.join("")}" stroke-width="${shape.row}"/><path class="life" d="${lines.join("")}${fork}"/>` +
      (gaps.length ? `<path class="life gap" d="${gaps.join("")}"/>` : "") +
      (!branch.parent && room(branch.row) ? `<text x="${timeToX(branch.pieces[0][0] - 0.5) - 4}" y="${at + 3.5}" text-anchor="end">${branch.track}</text>` : "") + "</g>");
  }
  leaves.innerHTML = parts.join("") + `<line class="cursor" y1="0" y2="${height}"/>`;
  treeAxis();
  treeCursor();
  treeChoice();
}

function treeAxis() {
  const most = Math.max(2, Math.floor(shape.width / 70)), power = 10 ** Math.floor(Math.log10(Math.max(DATA.frames / most, 1)));
  const by = power * [1, 2, 5, 10].find((factor) => DATA.frames / (factor * power) <= most);
  const marks = [];
  const clock = (t) => (DATA.interval ? `${+((t * DATA.interval) / 60).toPrecision(4)}${t === 0 ? " min" : ""}` : String(DATA.first + t));
  const start = DATA.interval ? 0 : Math.ceil(DATA.first / by) * by - DATA.first;
  for (let t = start; t < DATA.frames; t += by) marks.push(make("span", { style: `left:${timeToX(t)}px` }, clock(t)));
  find(".axis", tree).replaceChildren(...marks);
}

function treeCursor() {
  const line = find(".cursor", leaves), x = timeToX(state.frame);
  if (line) for (const end of ["x1", "x2"]) line.setAttribute(end, x);
}

function treeChoice() {
  for (const old of leaves.querySelectorAll(".chosen")) old.classList.remove("chosen");
  const branch = find(`[data-track="${state.cell}"]`, leaves);
  if (!branch) return;
  branch.classList.add("chosen");
  const box = find(".scroll", tree), y = 4 + (branches.get(state.cell).row + 0.5) * shape.row;
  if (y < box.scrollTop || y > box.scrollTop + box.clientHeight) box.scrollTop = y - box.clientHeight / 2;
}

leaves.addEventListener("click", (event) => {
  const branch = event.target.closest("[data-track]");
  const x = event.clientX - leaves.getBoundingClientRect().left;
  const frame = Math.floor(((x - shape.left) / (shape.width - shape.left - shape.right)) * DATA.frames);
  if (branch) visit(+branch.dataset.track, frame);
  else step(frame - state.frame);
});
