// A number with the digits that mean something beside its target's spread.
function number(value, spread) {
  const digits = max(0, min(12, 2 - floor(Math.log10(spread))));
  return abs(value) < 1e15 ? value.toLocaleString("en", {minimumFractionDigits: digits, maximumFractionDigits: digits}) : value.toPrecision(4);
}

// The axis of a value goes two spreads to either side of the middle.
function showAnswer(y) {
  const k = task.levels.length, one = names.length < 2;
  rows.forEach((row, t) => {
    const scale = task.scale[t], centre = task.shift[t], own = [...y.slice(t * k, (t + 1) * k)];
    const text = v => number(v, scale), place = v => min(max((v - centre) / scale / 4 + .5, 0), 1);
    const lowest = own[0], highest = own[k - 1], middle = text(own[task.middle]);
    const range = text(lowest) + " – " + text(highest), share = percent(task.levels[k - 1] - task.levels[0]);
    const from = k > 1 ? place(lowest) : 0, to = place(highest);
    if (one) sayAnswer(middle, names[t]);
    if (one && k > 1) fillRow(row, share + " between", range, from, to, true);
    else if (one) fillRow(row, text(centre - 2 * scale), text(centre + 2 * scale), from, to, true);
    else fillRow(row, names[t], k > 1 ? middle + " (" + range + ")" : middle, from, to, true);
  });
}
