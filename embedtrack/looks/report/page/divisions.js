// Each division with the frames around it, cut out of the movie.
const SIDE = 96, AROUND = [-2, -1, 0, 1, 2], SHOWN = 24;
const STATES = { right: "right", false: "not in the truth", spoilt: "one of its masks is wrong", lost: "lost: only in the truth" };
let divisionsShown = 0;

function showDivisions() {
  const box = find("#divisions");
  if (!box) return;
  const next = DATA.divisions.slice(divisionsShown, divisionsShown + SHOWN);
  for (const old of box.querySelectorAll(".rest")) old.remove();
  for (const division of next) {
    box.append(divisionCard(division));
    divisionsShown += 1;
  }
  const rest = DATA.divisions.length - divisionsShown;
  if (rest) box.append(make("li", { class: "rest" }, make("button", { type: "button", class: "more", onclick: showDivisions }, `${rest} more`)));
}

function divisionCard(division) {
  const film = make("canvas", { width: SIDE * AROUND.length * 2, height: SIDE * 2, "aria-hidden": "true" });
  const words = `${division.state === "lost" ? "true cell" : "track"} ${division.mother} → ${division.daughters.join(" + ")}`;
  const button = make("button", { type: "button", class: "film", "aria-label": `Division of ${words}, show frame ${name(division.frame)}` }, film);
  button.addEventListener("click", (event) => {
    const box = film.getBoundingClientRect(), clicked = event.detail > 0; // else by the keyboard
    const at = clicked ? AROUND[Math.floor(((event.clientX - box.left) / box.width) * AROUND.length)] || 0 : 0;
    if (division.state !== "lost") choose(division.mother);
    jump(Math.min(Math.max(division.frame + at, 0), DATA.frames - 1), division.x, division.y);
  });
  const draw = () => {
    seen.disconnect();
    if (!film.dataset.drawn) AROUND.forEach((by, i) => cutOut(film, division, division.frame + by, i * SIDE * 2));
  };
  const seen = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && draw(), { rootMargin: "200px" });
  seen.observe(film);
  setTimeout(draw, 1000 + 200 * (divisionsShown % SHOWN)); // paper shows those too that nobody has scrolled to
  const state = division.state ? make("span", { class: `state ${division.state}` }, STATES[division.state]) : "";
  return make("li", {}, make("p", {}, make("b", {}, `frame ${name(division.frame)}`), ` ${words} `, state), button);
}

function cutOut(film, division, frame, left) {
  const pen = film.getContext("2d"), side = SIDE * 2;
  if (frame < 0 || frame >= DATA.frames) return;
  ready(frame).then(() => {
    const scale = side / (DATA.size * 3.6), lost = division.state === "lost";
    const family = new Set([division.last[1], ...division.daughters]);
    const shapes = lost ? trueShapesOf(frame) : shapesOf(frame);
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, side - 4, side);
    pen.clip();
    pen.fillStyle = "#0b0c0e";
    pen.fillRect(left, 0, side, side);
    pen.translate(left + side / 2, side / 2);
    pen.scale(scale, scale);
    pen.translate(-division.x - 0.5, -division.y - 0.5);
    background(pen, frame, scale);
    for (const [label, shape] of shapes)
      outline(pen, [shape], !family.has(label) ? QUIET : lost ? DATA.kinds["lost division"] : colourOf(label), (family.has(label) ? 3.4 : 1.6) / scale);
    pen.restore();
    pen.font = "600 20px system-ui, sans-serif";
    pen.textAlign = "left";
    say(pen, name(frame), left + 8, 24, frame === division.frame ? "#ffffff" : "#b8bdc4");
    film.dataset.drawn = +(film.dataset.drawn || 0) + 1;
  });
}
