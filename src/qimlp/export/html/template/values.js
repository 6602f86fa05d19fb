// A number with the digits that mean something beside its target's spread.
function number(value, spread) {
  const digits = Math.max(0, Math.min(12, 2 - Math.floor(Math.log10(spread))));
  return Math.abs(value) < 1e15 ? value.toLocaleString("en", {minimumFractionDigits: digits, maximumFractionDigits: digits}) : value.toPrecision(4);
}

// The axis of a value goes three spreads to either side of the middle.
function showAnswer(y) {
  const {levels} = task, k = levels.length;
  rows.forEach((row, t) => {
    const scale = task.scale[t], own = [...y.slice(t * k, (t + 1) * k)];
    const texts = own.map(v => number(v, scale));
    const place = v => Math.min(Math.max((v - task.shift[t]) / scale / 6 + .5, 0), 1);
    const [low, high] = [place(own[0]), place(own[k - 1])];
    const share = " (" + percent(levels[k - 1] - levels[0]) + ")";
    if (k > 1) fillRow(row, names[t] + share, texts[0] + " – " + texts[k - 1], low, high, true);
    else fillRow(row, names[t], texts[0], 0, high, true);
    if (!t) sayAnswer(texts[task.middle], names[t]);
  });
}
