// What is said between the page, its server and the person in front of it.
import { add } from "./viewer.js";
import { inWords } from "./words.js";

const BUSY = "The page is busy: try again.";
const GONE = "The page has ended, and what it held is deleted. You can close this tab; restore --page starts it again.";
let over = false;

export const id = (name) => document.getElementById(name);

export function tell(sentence) {
  if (over) return;
  const item = add(id("messages"), "li");
  add(item, "span", { textContent: inWords(sentence) });
  add(item, "button", { type: "button", textContent: "OK" }).addEventListener("click", () => item.remove());
}

// The page is over: nothing is asked any more.
export function end(sentence) {
  over = true;
  const main = document.querySelector("main");
  main.replaceChildren();
  id("end").remove();
  add(main, "p", { className: "ended", textContent: sentence, role: "alert" });
}

export function refusal(answer) {
  try {
    return JSON.parse(answer).error;
  } catch { // the server's own words, where too much is asked at once
    return BUSY;
  }
}

// The answer, or null where there is none; then it is said why.
export async function ask(path, method = "GET", body = undefined) {
  if (over) return null;
  let answer;
  try {
    answer = await fetch(path, { method, body });
  } catch {
    if (!over) end(GONE);
    return null;
  }
  if (over) return null;
  if (answer.ok) return answer;
  tell(refusal(await answer.text()));
  return null;
}
