// The page: photos are sent, watched while they are restored, and one of them is looked at.
import { show, wish } from "./photo.js";
import { ask, end, id, refusal, tell } from "./talk.js";
import { add } from "./viewer.js";
import { doing, isBusy, outcome } from "./words.js";

const EVERY_MS = 500; // asked for news, while there is work
const mostBytes = Number(document.body.dataset.mostBytes);

let photos = []; // as the server tells them
let chosen = null; // id of the one that is looked at
let timer = 0;
const items = new Map(); // id -> its entry in the row of photos
const toSend = []; // one file after the other
let sending = false;

async function look() {
  clearTimeout(timer);
  const answer = await ask("photos");
  if (!answer) return;
  const before = new Map(photos.map((photo) => [photo.id, photo]));
  photos = await answer.json();
  for (const photo of photos) {
    const earlier = before.get(photo.id);
    if (earlier && isBusy(earlier) && !isBusy(photo)) {
      id("status").textContent = `${photo.name}: ${photo.error || outcome(photo)}`;
    }
  }
  if (!photos.some((photo) => photo.id === chosen)) chosen = photos[0]?.id ?? null;
  draw();
  clearTimeout(timer);
  if (photos.some(isBusy)) timer = setTimeout(look, EVERY_MS);
}

function draw() {
  drawRow();
  show(photos.find((photo) => photo.id === chosen) ?? null);
}

function take(files) {
  for (const file of files) {
    if (file.size > mostBytes) {
      const [size, most] = [file.size, mostBytes].map((bytes) => `${Math.round(bytes / 1e6).toLocaleString("en")} MB`);
      tell(`${file.name}: ${size}, and the page takes photos of up to ${most}`);
    } else {
      toSend.push(file);
    }
  }
  if (!sending) sendAll();
}

async function sendAll() {
  sending = true;
  while (toSend.length) await send(toSend.shift());
  sending = false;
}

function send(file) {
  const item = add(id("photos"), "li", { className: "sending" });
  add(item, "span", { className: "name", textContent: file.name });
  const bar = add(item, "progress", { max: 1, value: 0, ariaLabel: `Sending ${file.name}` });
  return new Promise((done) => {
    const request = new XMLHttpRequest(); // fetch tells no progress
    request.open("POST", `photos?name=${encodeURIComponent(file.name)}`);
    request.upload.addEventListener("progress", (event) => { bar.value = event.loaded / event.total; });
    request.addEventListener("loadend", async () => {
      item.remove();
      if (request.status === 201) chosen = photos.some(isBusy) && chosen ? chosen : JSON.parse(request.response).id;
      else if (request.status) tell(refusal(request.response));
      else tell(`${file.name} could not be sent: it cannot be read, or the page has ended`);
      await look();
      done();
    });
    request.send(file);
  });
}

function drawRow() {
  for (const [known, item] of items) {
    if (photos.some((photo) => photo.id === known)) continue;
    item.remove();
    items.delete(known);
  }
  for (const photo of photos) {
    const item = items.get(photo.id) ?? addItem(photo);
    const [button, image, state] = ["button", "img", ".state"].map((name) => item.querySelector(name));
    button.setAttribute("aria-pressed", String(photo.id === chosen));
    if (photo.seen && !image.src) image.src = `photos/${photo.id}/small.png`;
    image.hidden = !photo.seen;
    state.textContent = photo.error && !isBusy(photo) ? "failed" : doing(photo);
    state.classList.toggle("failed", Boolean(photo.error) && !isBusy(photo));
  }
  document.body.classList.toggle("empty", !photos.length);
}

function addItem(photo) {
  const item = document.createElement("li");
  id("photos").insertBefore(item, id("photos").querySelector(".sending"));
  const button = add(item, "button", { type: "button", className: "choose" });
  add(button, "img", { alt: "" });
  const text = add(button, "span", { className: "text" });
  add(text, "span", { className: "name", textContent: photo.name, title: photo.name });
  add(text, "span", { className: "state" });
  const away = add(item, "button", { type: "button", className: "away", ariaLabel: `Remove ${photo.name}`, textContent: "×" });
  button.addEventListener("click", () => { chosen = photo.id; draw(); });
  away.addEventListener("click", async () => { await ask(`photos/${photo.id}`, "DELETE"); await look(); });
  items.set(photo.id, item);
  return item;
}

id("panel").addEventListener("submit", async (event) => {
  event.preventDefault();
  await ask(`photos/${chosen}/restore`, "POST", JSON.stringify(wish()));
  await look();
});
id("files").addEventListener("change", () => { take([...id("files").files]); id("files").value = ""; });
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dragging"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  take([...event.dataTransfer.items].filter((item) => item.kind === "file").flatMap((item) => {
    const isFolder = item.webkitGetAsEntry()?.isDirectory;
    if (isFolder) tell(`${item.getAsFile().name} is a folder: drop the photos in it`);
    return isFolder ? [] : [item.getAsFile()];
  }));
});
id("end").addEventListener("click", async () => {
  if (photos.length && !confirm("End the page, and delete the photos that it holds and what became of them?")) return;
  if (await ask("end", "POST")) end("The page has ended, and what it held is deleted. You can close this tab.");
});
look();
