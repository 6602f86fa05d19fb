"use strict";
const {abs, ceil, exp, floor, log, max, min, sqrt} = Math;

// The network: raw values in, answers out, in double precision. It needs nothing of the page.

const sigmoid = x => 1 / (1 + exp(-x));

const ACTIVATIONS = {
  gelu: x => x * (1 + erf(x * Math.SQRT1_2)) / 2,
  relu: x => max(x, 0),
  silu: x => x * sigmoid(x),
  tanh: Math.tanh,
  identity: x => x
};

// A series whose terms have one sign: exact to the last digits.
function erf(x) {
  if (!(abs(x) < 6)) return Math.sign(x);
  let term = 2 * x * exp(-x * x) / sqrt(Math.PI), sum = 0;
  for (let n = 3; sum + term !== sum; n += 2) {
    sum += term;
    term *= 2 * x * x / n;
  }
  return sum;
}

const filled = (length, value) => Float64Array.from({length}, (_, i) => value(i));

function bytes(text) {
  return new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
}

// Hands out the stored numbers, one part after the other.
function reader(text) {
  const view = bytes(text);
  let place = 0;
  return count => filled(count, () => view.getFloat32(4 * place++, true));
}

const product = sizes => sizes.reduce((a, b) => a * b, 1);

// A matrix (outs x ins) on the axis of x that has `after` numbers behind each of its places.
function mode(x, matrix, outs, ins, after) {
  const y = new Float64Array(x.length / ins * outs);
  for (let b = 0; b * ins * after < x.length; b++)
    for (let o = 0; o < outs; o++)
      for (let i = 0, to = (b * outs + o) * after; i < ins; i++) {
        const weight = matrix[o * ins + i], from = (b * ins + i) * after;
        for (let a = 0; a < after; a++) y[to + a] += weight * x[from + a];
      }
  return y;
}

// A sum of Kronecker products, never formed: factor by factor, in the cheapest order.
function kronecker(take, [ins, outs, rank, order, biasForm, activation]) {
  const factors = ins.map((n, m) => take(rank * n * outs[m]));
  const width = product(outs);
  let bias = new Float64Array(width);
  if (biasForm === "dense") bias = take(width);
  if (biasForm === "kronecker")
    bias = outs.reduce((whole, n) => {
      const part = take(n);
      return filled(whole.length * n, i => whole[floor(i / n)] * part[i % n]);
    }, [1]);
  return x => {
    const sum = bias.slice();
    for (let c = 0; c < rank; c++) {
      const sizes = ins.slice();
      let y = x;
      for (const m of order) {
        const size = ins[m] * outs[m];
        const factor = factors[m].subarray(c * size, (c + 1) * size);
        y = mode(y, factor, outs[m], ins[m], product(sizes.slice(m + 1)));
        sizes[m] = outs[m];
      }
      for (let i = 0; i < width; i++) sum[i] += y[i];
    }
    return sum.map(ACTIVATIONS[activation]);
  };
}

function softmax(x) {
  const most = max(...x), y = x.map(v => exp(v - most));
  const sum = y.reduce((a, b) => a + b);
  return y.map(v => v / sum);
}

// Raw features to the network's inputs: scaled, and in its order, which is a list of places or of
// loops through them, the fastest first.
function preparation([shift, scale, features, order]) {
  const places = filled(features, to => order[0].length ? order.reduce((from, [count, stride]) => {
    from += to % count * stride;
    to = floor(to / count);
    return from;
  }, 0) : order[to]);
  return raw => places.map(from => {
    const group = floor(from * shift.length / features);
    return (raw[from] - shift[group]) / scale[group];
  });
}
