// A photo before and after: a line wipes between them, both are enlarged and moved together, boxes show the faces.
const PIXELS_FROM = 4; // CSS pixels a pixel of the view: from here on single ones are shown
const MOST_PER_PIXEL = 8;
const STEP = 0.1; // of what is seen, per arrow key
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const AROUND = 1.4; // of a box's sides are seen, when it is looked at closer
export const within = (value, low, high) => Math.min(high, Math.max(low, value));

export function add(parent, name, properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  parent.append(made);
  return made;
}

// controls: the inputs "line", "zoom" and "boxes" by name, and the button "whole".
export function makeViewer(stage, controls) {
  const worlds = ["after", "before", "marks"].map((name) => add(add(stage, "div", { className: `layer ${name}` }), "div", { className: "world" }));
  const images = Object.fromEntries(["after", "before"].map((name, i) => [name, add(worlds[i], "img", { alt: `The photo ${name}`, draggable: false })]));
  const line = add(stage, "div", { className: "line" });
  const tags = ["before", "after"].map((text) => add(stage, "span", { className: `tag ${text}`, textContent: text }));
  const seen = { width: 1, height: 1, x: 0.5, y: 0.5, compared: false }; // x, y: the point of the photo in the middle

  const zoom = () => 2 ** Number(controls.zoom.value);
  // CSS pixels a pixel of the photo, where all of it is seen.
  const fitting = () => Math.min(stage.clientWidth / seen.width, stage.clientHeight / seen.height);

  function layOut() {
    const width = stage.parentElement.clientWidth;
    const height = within(width * seen.height / seen.width, 0.3 * innerHeight, 0.57 * innerHeight);
    stage.style.height = `${Math.round(height)}px`;
    const most = Math.log2(Math.max(4, MOST_PER_PIXEL / fitting()));
    controls.zoom.max = Math.ceil(most * 10) / 10;
    draw();
  }

  function placed(size, of, middle, stageSize) { // where the photo begins in one direction; the middle is kept within it
    if (size <= stageSize) { seen[middle] = 0.5; return (stageSize - size) / 2; }
    const half = stageSize / 2 / size;
    seen[middle] = within(seen[middle], half, 1 - half);
    return stageSize / 2 - seen[middle] * size;
  }

  function draw() {
    const times = zoom();
    const scale = fitting() * times;
    const [width, height] = [seen.width * scale, seen.height * scale];
    const left = placed(width, seen.width, "x", stage.clientWidth);
    const top = placed(height, seen.height, "y", stage.clientHeight);
    for (const world of worlds) Object.assign(world.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    const share = Number(controls.line.value);
    const [from, to] = [Math.max(0, left), Math.min(stage.clientWidth, left + width)];
    const at = from + share / 100 * (to - from);
    worlds[1].parentElement.style.clipPath = seen.compared ? `inset(0 ${stage.clientWidth - at}px 0 0)` : "none";
    line.style.left = `${at}px`;
    stage.classList.toggle("compared", seen.compared);
    stage.classList.toggle("enlarged", times > 1);
    stage.classList.toggle("near", scale * seen.width / (images.before.naturalWidth || seen.width) >= PIXELS_FROM);
    stage.classList.toggle("unmarked", !controls.boxes.checked);
    controls.line.setAttribute("aria-valuetext", `${share} % before, ${100 - share} % after`);
    controls.zoom.setAttribute("aria-valuetext", times > 1 ? `${times.toFixed(1)} times` : "the whole photo");
    controls.whole.disabled = times === 1;
  }

  function enlarge(times) {
    controls.zoom.value = Math.log2(Math.max(1, times));
    draw();
  }

  function move(x, y) { // in shares of what is seen
    const scale = fitting() * zoom();
    seen.x += x * stage.clientWidth / (seen.width * scale);
    seen.y += y * stage.clientHeight / (seen.height * scale);
    draw();
  }

  function wipe(x) { // in CSS pixels from the stage's left
    const width = seen.width * fitting() * zoom();
    const from = Math.max(0, (stage.clientWidth - width) / 2);
    controls.line.value = Math.round(100 * within((x - from) / Math.min(width, stage.clientWidth), 0, 1));
    draw();
  }

  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = MOVES[event.key];
    if (to && zoom() > 1) move(STEP * to[0], STEP * to[1]);
    else if (event.key === "+" || event.key === "=") enlarge(zoom() * 1.25);
    else if (event.key === "-") enlarge(zoom() / 1.25);
    else return; // where nothing moves, the arrow keys scroll the page
    event.preventDefault();
  });
  controls.line.addEventListener("input", draw);
  controls.zoom.addEventListener("input", draw);
  controls.boxes.addEventListener("change", draw);
  controls.whole.addEventListener("click", () => enlarge(1));
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // without, the wheel scrolls the page
    event.preventDefault();
    enlarge(zoom() * 2 ** (-event.deltaY / 200));
  }, { passive: false });
  drag({ stage, zoom, enlarge, move, wipe, isLine: (target) => target === line, compared: () => seen.compared });
  new ResizeObserver(layOut).observe(stage.parentElement);

  return {
    images,
    // size: [width, height] of the photo in pixels; after: null where nothing changed. Resolves once both are there.
    async show(size, before, after, boxes) {
      [seen.width, seen.height] = size;
      seen.compared = after !== null;
      images.before.src = before;
      images.after.src = after ?? before;
      worlds[2].replaceChildren();
      for (const [x, y, width, height] of boxes) {
        Object.assign(add(worlds[2], "div", { className: "box" }).style, {
          left: `${100 * x / size[0]}%`, top: `${100 * y / size[1]}%`, width: `${100 * width / size[0]}%`, height: `${100 * height / size[1]}%`,
        });
      }
      layOut();
      await Promise.all(Object.values(images).map((image) => image.decode().catch(() => {})));
      draw();
    },
    mark(number, on) {
      worlds[2].children[number]?.classList.toggle("on", on);
    },
    whole() {
      enlarge(1);
    },
    look([x, y, width, height]) {
      [seen.x, seen.y] = [(x + width / 2) / seen.width, (y + height / 2) / seen.height];
      enlarge(Math.min(stage.clientWidth / width, stage.clientHeight / height) / AROUND / fitting());
      wipe(parseFloat(worlds[0].style.left) + (x + width / 2) * fitting() * zoom()); // half of the face before, half after
    },
  };
}

// Pointers on the stage: one on the line, or anywhere while all is seen, wipes; else one moves and two enlarge.
function drag({ stage, zoom, enlarge, move, wipe, isLine, compared }) {
  const down = new Map(); // pointer -> its last place
  let wiping = false;
  let spread = null; // distance of two pointers and the zoom, when the second came

  const distance = () => {
    const [one, two] = [...down.values()];
    return Math.hypot(one.x - two.x, one.y - two.y);
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || down.size === 2) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (down.size === 2) spread = { distance: Math.max(1, distance()), zoom: zoom() };
    else wiping = compared() && (isLine(event.target) || zoom() === 1);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const box = stage.getBoundingClientRect();
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (spread) enlarge(spread.zoom * distance() / spread.distance);
    else if (wiping) wipe(event.clientX - box.left);
    else move((before.x - event.clientX) / box.width, (before.y - event.clientY) / box.height);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => {
      down.delete(event.pointerId);
      if (spread) wiping = false; // what the finger that stays does next is no wipe
      spread = null;
    });
  }
}
