"use strict";
// Compares two images of one face: a line wipes between them, both are enlarged and moved together. The images are those of
// the strip below, so that none is on the page twice.
(() => {
  const MAX_ZOOM = 8;
  const PIXELS_FROM = 4; // times: from here on single pixels are shown
  const STEP = 0.1; // of the width seen, per arrow key
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const within = (value, low, high) => Math.min(high, Math.max(low, value));

  function add(parent, name, className) {
    const made = document.createElement(name);
    made.className = className;
    parent.append(made);
    return made;
  }

  function fill(select, texts, chosen) {
    texts.forEach((text, place) => select.add(new Option(text, place)));
    select.selectedIndex = chosen;
  }

  function start(box) {
    const faces = [...document.getElementById(box.dataset.strip).querySelectorAll(".face")];
    const labels = [...faces[0].querySelectorAll("li")].map((tile) => tile.dataset.name);
    const [first, second] = box.dataset.first.split(" ").map(Number);
    const control = Object.fromEntries([...box.querySelectorAll("[data-of]")].map((found) => [found.dataset.of, found]));
    const stage = box.querySelector(".stage");
    const said = box.querySelector(".said");
    const layers = { right: add(stage, "div", "layer"), left: add(stage, "div", "layer") };
    const images = { right: add(layers.right, "img", ""), left: add(layers.left, "img", "") };
    const line = add(stage, "div", "line");
    const tags = { left: add(stage, "span", "tag left"), right: add(stage, "span", "tag right") };
    const seen = { left: first, right: second, x: 0.5, y: 0.5 }; // x, y: the point of the image in the middle of the stage

    fill(control.face, faces.map((face) => face.dataset.name), 0);
    fill(control.left, labels, first);
    fill(control.right, labels, second);
    Object.values(images).forEach((image) => { image.alt = ""; image.draggable = false; });

    const zoom = () => Number(control.zoom.value);

    function load() {
      for (const side of ["left", "right"]) {
        const source = faces[control.face.selectedIndex].querySelectorAll("img")[seen[side]];
        images[side].src = source.src;
        images[side].className = source.className;
        tags[side].textContent = labels[seen[side]];
      }
      show();
    }

    function show() {
      const times = zoom();
      const half = 0.5 / times;
      seen.x = within(seen.x, half, 1 - half);
      seen.y = within(seen.y, half, 1 - half);
      const [left, top] = [seen.x, seen.y].map((middle) => 100 * (0.5 - middle * times));
      for (const image of Object.values(images)) image.style.transform = `translate(${left}%, ${top}%) scale(${times})`;
      const share = control.line.value;
      layers.left.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
      line.style.left = `${share}%`;
      stage.classList.toggle("enlarged", times > 1);
      stage.classList.toggle("near", times >= PIXELS_FROM);
      control.line.setAttribute("aria-valuetext", `${share} % ${labels[seen.left]}`);
      control.zoom.setAttribute("aria-valuetext", `${times} times`);
      said.textContent = `${faces[control.face.selectedIndex].dataset.name}: ${labels[seen.left]} left of the line, `
        + `${labels[seen.right]} right of it; line at ${share} %, ${times > 1 ? `enlarged ${times} times` : "not enlarged"}.`;
    }

    function choose(side, other) {
      const before = seen[side];
      seen[side] = control[side].selectedIndex;
      if (seen[other] === seen[side]) { // two of the same show nothing: they change places
        seen[other] = before;
        control[other].selectedIndex = before;
      }
      load();
    }

    function enlarge(times) {
      control.zoom.value = within(times, 1, MAX_ZOOM);
      show();
    }

    function move(x, y) {
      seen.x += x / zoom();
      seen.y += y / zoom();
      show();
    }

    control.face.addEventListener("change", load);
    control.left.addEventListener("change", () => choose("left", "right"));
    control.right.addEventListener("change", () => choose("right", "left"));
    control.line.addEventListener("input", show);
    control.zoom.addEventListener("input", show);
    stage.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const to = MOVES[event.key];
      if (to && zoom() > 1) move(STEP * to[0], STEP * to[1]);
      else if (event.key === "+" || event.key === "=") enlarge(zoom() + 0.5);
      else if (event.key === "-") enlarge(zoom() - 0.5);
      else return; // where nothing moves, the arrow keys scroll the page
      event.preventDefault();
    });
    drag({ stage, line, zoom, enlarge, move, wipe(share) { control.line.value = share; show(); } });
    load();
    box.hidden = false;
  }

  // Pointers on the stage: one on the line, or anywhere while nothing is enlarged, wipes; else one moves and two enlarge.
  function drag({ stage, line, zoom, enlarge, move, wipe }) {
    const down = new Map(); // pointer -> its last place
    let wiping = false;
    let spread = null; // distance of two pointers and the zoom, when the second came

    const distance = () => {
      const [one, two] = [...down.values()];
      return Math.hypot(one.x - two.x, one.y - two.y);
    };

    function follow(event) {
      const box = stage.getBoundingClientRect();
      const before = down.get(event.pointerId);
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (spread) enlarge(Math.round(2 * spread.zoom * distance() / spread.distance) / 2);
      else if (wiping) wipe(Math.round(100 * within((event.clientX - box.left) / box.width, 0, 1)));
      else move((before.x - event.clientX) / box.width, (before.y - event.clientY) / box.height);
    }

    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || down.size === 2) return;
      stage.setPointerCapture(event.pointerId);
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (down.size === 2) spread = { distance: Math.max(1, distance()), zoom: zoom() };
      else wiping = event.target === line || zoom() === 1;
    });
    stage.addEventListener("pointermove", (event) => { if (down.has(event.pointerId)) follow(event); });
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => {
        down.delete(event.pointerId);
        if (spread) wiping = false; // what the finger that stays does next is no wipe
        spread = null;
      });
    }
  }

  document.querySelectorAll(".viewer").forEach(start);
})();
