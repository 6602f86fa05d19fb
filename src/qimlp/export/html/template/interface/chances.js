// Probabilities: a bar for each class or label, the likeliest ten where there are many.
function showAnswer(p) {
  const one = task.kind === "classification", order = [...p.keys()];
  const best = order.reduce((a, b) => p[b] > p[a] ? b : a, 0);
  if (ranked) order.sort((a, b) => p[b] - p[a]);
  rows.forEach((row, i) => {
    const c = order[i], most = one ? c === best : p[c] > .5;
    fillRow(row, names[c], percent(p[c]), 0, p[c], most);
  });
  if (one) sayAnswer(names[best], percent(p[best]));
  else sayAnswer("" + p.filter(v => v > .5).length, "of " + names.length + " labels");
}
