// What both kinds of page share: the answer in words, its bars, and one drawing a frame at most.

const $ = id => document.getElementById(id);
const page = JSON.parse($("page").textContent), {task} = page, {names} = task;
const predict = makePredict(page);

function make(tag, parent, settings) {
  const node = Object.assign(document.createElement(tag), settings);
  parent.append(node);
  return node;
}

const ranked = !task.scale && names.length > 12;
const rows = names.slice(0, ranked ? 10 : 1000).map(() => {
  const row = make("li", $("bars"));
  return [row, make("span", row), make("output", row), make("u", make("i", row))];
});
$("bars").className = task.scale || names.some(name => name.length > 12) ? "long" : "";
const [parameters, products] = page.figures.map(count => count.toLocaleString());
$("figures").textContent = parameters + " parameters, " + products + " multiply-adds";

const percent = p => (100 * p).toFixed(1) + " %";

// What fills a row's track, from and to as parts of it.
function fillRow([row, label, value, bar], name, text, from, to, most) {
  label.textContent = label.title = name;
  value.textContent = text;
  bar.style.transform = "translate(" + 100 * from + "%) scaleX(" + (to - from) + ")";
  row.className = most ? "most" : "";
}

function sayAnswer(text, more) {
  $("answer").replaceChildren();
  make("b", $("answer"), {textContent: text, className: text.length < 3 ? "short" : ""});
  make("span", $("answer"), {textContent: more});
}

function show(raw) {
  if (raw) return showAnswer(predict(raw));
  sayAnswer("–");
  rows.forEach((row, i) => fillRow(row, names[i], "", 0, 0));
}

let waiting;
function soon(action) {
  if (!waiting) requestAnimationFrame(() => {
    waiting = false;
    action();
  });
  waiting = true;
}
