// Values in the targets' own units; of quantiles, which never cross, all of a target side by side.
const softplus = x => max(x, 0) + Math.log1p(exp(-abs(x)));

function answers(x, {levels, middle, gaps, margins, scale, shift}) {
  const k = levels.length, y = x.slice();
  for (let t = 0; t < y.length; t += k) {
    const end = t + k, centre = t + middle;
    for (let i = centre + 1; i < end; i++) y[i] = y[i - 1] + softplus(y[i] + gaps[i - t - 1]);
    for (let i = centre - 1; i >= t; i--) y[i] = y[i + 1] - softplus(y[i] + gaps[i - t]);
    for (let i = t; i < end; i++) y[i] += margins[i];
    for (let i = centre + 1; i < end; i++) y[i] = max(y[i], y[i - 1]);
    for (let i = centre - 1; i >= t; i--) y[i] = min(y[i], y[i + 1]);
  }
  return y.map((v, i) => v * scale[floor(i / k)] + shift[floor(i / k)]);
}
