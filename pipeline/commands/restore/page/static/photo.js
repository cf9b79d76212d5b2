// The photo that is looked at, what became of it, and how it is restored.
import { id } from "./talk.js";
import { add, makeViewer } from "./viewer.js";
import { doing, inWords, isBusy, outcome, plural } from "./words.js";

const CROP_PX = 144;
const controls = Object.fromEntries([...document.querySelectorAll("[data-of]")].map((found) => [found.dataset.of, found]));
const viewer = makeViewer(document.querySelector(".stage"), controls);

let current = null;
let painted = ""; // what of it is on the page

// Shows a photo and what became of it; null shows none.
export function show(photo) {
  current = photo;
  id("shown").hidden = !photo;
  if (!photo) { painted = ""; return; }
  const busy = isBusy(photo);
  id("busy").hidden = !busy;
  id("doing").textContent = doing(photo);
  id("failed").hidden = busy || !photo.error;
  id("failed").textContent = inWords(photo.error);
  const now = JSON.stringify([photo.id, photo.seen, photo.result?.run]);
  if (now !== painted) {
    const other = !painted || JSON.parse(painted)[0] !== photo.id;
    painted = now;
    paint(photo, other);
  }
  checkWish();
}

function paint(photo, other) {
  const result = photo.result;
  id("name").textContent = photo.name;
  document.querySelector(".stage").hidden = document.querySelector(".controls").hidden = !photo.seen;
  id("wipe").hidden = !result?.compared;
  id("size").textContent = photo.seen ? `${photo.seen[0].toLocaleString("en")} × ${photo.seen[1].toLocaleString("en")} pixels` : "";
  id("outcome").textContent = result ? `${outcome(photo)}.` : "";
  id("downloads").hidden = id("faces").hidden = !result;
  for (const part of document.querySelectorAll("#panel fieldset, #remarks")) part.hidden = !result;
  if (photo.seen) drawPicture(photo, other);
  if (!result) return;
  id("download").href = `photos/${photo.id}/${result.run}/picture`;
  id("record").href = `photos/${photo.id}/${result.run}/record`;
  id("faces").hidden = !result.faces.length;
  const remarks = [...result.faces.length ? [] : [result.reason], ...result.warnings];
  id("remarks").hidden = !remarks.length;
  id("remarks").querySelector("summary").textContent = plural(remarks.length, "remark");
  id("remarks").querySelector("ul").replaceChildren(...remarks.map((text) => Object.assign(document.createElement("li"), { textContent: inWords(text) })));
  setWish(result.wish);
}

async function drawPicture(photo, other) {
  const faces = photo.result?.faces ?? [];
  const path = `photos/${photo.id}`;
  const after = photo.result?.compared ? `${path}/${photo.result.run}/after.png` : null;
  drawFaces(photo, faces);
  if (other) viewer.whole();
  await viewer.show(photo.seen, `${path}/before.png`, after, faces.map((face) => face.box));
  if (current?.id !== photo.id) return;
  if (viewer.images.before.naturalWidth < photo.seen[0]) id("size").textContent += ", shown smaller here; the file has all of them";
  crop(photo, faces);
}

function drawFaces(photo, faces) {
  id("faces").querySelector("ul").replaceChildren();
  faces.forEach((face, place) => {
    const item = add(id("faces").querySelector("ul"), "li");
    const closer = add(item, "button", { type: "button", className: "closer", ariaLabel: `Look closer at the face of ${face.side_px} px` });
    for (const name of ["before", "after"]) add(closer, "canvas", { className: name, width: CROP_PX, height: CROP_PX });
    const label = add(item, "label", { className: "check" });
    const text = document.createElement("span");
    add(label, "input", { type: "checkbox", value: face.number });
    label.append(text);
    add(text, "span", { textContent: `Face of ${face.side_px} px:`, title: `number ${face.number} in the record` });
    add(text, "span", { className: "soft", textContent: ` ${inWords(face.done)}` });
    for (const warning of face.warnings) add(text, "small", { textContent: inWords(warning) });
    closer.addEventListener("click", () => {
      viewer.look(face.box);
      document.querySelector(".stage").scrollIntoView({ block: "nearest" });
    });
    for (const [on, events] of [[true, ["mouseenter", "focusin"]], [false, ["mouseleave", "focusout"]]]) {
      for (const event of events) item.addEventListener(event, () => viewer.mark(place, on));
    }
  });
}

function crop(photo, faces) {
  document.querySelectorAll("#faces .closer").forEach((closer, place) => {
    const [x, y, width, height] = faces[place].box;
    const side = 1.3 * Math.max(width, height);
    for (const canvas of closer.children) {
      const image = viewer.images[canvas.className];
      const scale = image.naturalWidth / photo.seen[0];
      const source = [x + width / 2 - side / 2, y + height / 2 - side / 2, side, side].map((length) => length * scale);
      canvas.getContext("2d").drawImage(image, ...source, 0, 0, CROP_PX, CROP_PX);
    }
  });
}

const boxes = () => [...document.querySelectorAll("#faces input")];

function setWish(wish) {
  id("strength").value = Math.round(100 * wish.strength);
  id("upscale").value = wish.upscale;
  id("force").checked = wish.force;
  for (const box of boxes()) box.checked = wish.faces === null || wish.faces.includes(Number(box.value));
}

// What is asked for by the controls.
export function wish() {
  const [all, some] = [boxes(), boxes().filter((box) => box.checked)];
  const faces = some.length === all.length ? null : some.map((box) => Number(box.value));
  return { strength: id("strength").value / 100, upscale: Number(id("upscale").value), force: id("force").checked, faces };
}

function checkWish() {
  id("percent").textContent = `${id("strength").value} %`;
  if (!current?.result) return;
  const asked = wish();
  const none = asked.faces?.length === 0;
  const same = JSON.stringify(asked) === JSON.stringify(current.result.wish) && !current.error;
  id("again").disabled = isBusy(current) || none || same;
  id("hint").textContent = none ? "Choose a face." : "";
}

id("panel").addEventListener("input", checkWish);
