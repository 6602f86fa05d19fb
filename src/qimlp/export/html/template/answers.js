"use strict";
// What both kinds of page share: the answer in words, its bars, and one drawing a frame at most.

const $ = id => document.getElementById(id);
const page = JSON.parse($("page").textContent);
const predict = makePredict(page);

function make(tag, parent, settings) {
  const node = Object.assign(document.createElement(tag), settings);
  parent.append(node);
  return node;
}

const {task} = page, {names} = task;
const ranked = !task.scale && names.length > 12;
const rows = names.slice(0, ranked ? 10 : 1000).map(() => {
  const row = make("li", $("bars"));
  const [name, track, value] = ["span", "i", "output"].map(tag => make(tag, row));
  return {row, name, value, bar: make("u", track)};
});
$("bars").classList.toggle("long", names.some(name => name.length > 12) || !!task.scale);
$("figures").textContent = page.parameters.toLocaleString("en") + " parameters · " + page.macs.toLocaleString("en") + " multiply-adds for an answer";

const percent = p => (100 * p).toFixed(1) + " %";

// What fills a row's track, from and to as parts of it.
function fillRow({row, name, value, bar}, text, shown, from, to, most) {
  name.textContent = name.title = text;
  value.textContent = shown;
  bar.style.translate = 100 * from + "% 0";
  bar.style.scale = Math.max(to - from, 0) + " 1";
  row.className = most ? "most" : "";
}

function sayAnswer(text, more) {
  $("answer").replaceChildren();
  make("b", $("answer"), {textContent: text, className: text.length < 3 ? "short" : ""});
  make("span", $("answer"), {textContent: more});
}

function show(raw) {
  if (raw) showAnswer(predict(raw));
  else {
    sayAnswer("–", "");
    rows.forEach((row, i) => fillRow(row, names[i], "", 0, 0, false));
  }
}

let waiting = false;
function soon(action) {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    action();
  });
}
