// Columns of a table as inputs: numbers on one scale, what was missing, then codes of categories.
function tableInputs({centre, scale, missing, numbers, codes}) {
  const {fround} = Math;
  return row => {
    const x = [];
    numbers.forEach((column, i) => {
      if (!(scale[i] > 0)) return;
      const value = row[column];
      const found = fround(min(max((value - centre[i]) / scale[i], -1e6), 1e6));
      const part = fround(found / 3);
      const root = fround(sqrt(fround(1 + fround(part * part))));
      x.push(Number.isNaN(value) ? 0 : fround(found / root));
    });
    numbers.forEach((column, i) => missing[i] && x.push(+Number.isNaN(row[column])));
    return Float64Array.from([...x, ...codes.map(column => row[column] || 0)]);
  };
}

// Members that share an embedding of the columns and have Kronecker layers of their own.
function tableNetwork(shape, take) {
  const {numbers, values, embedding, frequencies, hidden, rank, members, outs, skip} = shape;
  const waves = 2 * frequencies + 1, columns = numbers + values.length;
  const turns = take(numbers * frequencies);
  const periodic = take(numbers * waves * embedding);
  const offsets = take(numbers * embedding);
  const categories = take(values.reduce((a, b) => a + b + 1, 0) * embedding);
  let [rows, width] = [columns, embedding];
  const layers = hidden.map(([newRows, newWidth]) => {
    const left = take(members * newRows * rows * rank);
    const right = take(members * width * rank * newWidth);
    const layer = {left, right, bias: take(members * newRows * newWidth), rows, width, newRows, newWidth};
    [rows, width] = [newRows, newWidth];
    return layer;
  });
  const head = take(members * rows * width * outs), headBias = take(members * outs);
  const straight = skip && take((numbers + values.length * embedding) * outs);
  const activation = ACTIVATIONS[shape.activation];
  const part = (array, m) => array.subarray(m * array.length / members, (m + 1) * array.length / members);

  function embed(x) {
    const y = new Float64Array(columns * embedding);
    for (let i = 0; i < numbers; i++) {
      const wave = new Float64Array(waves);
      for (let k = 0; k < frequencies; k++) {
        const angle = 2 * Math.PI * turns[i * frequencies + k] * x[i];
        wave[k] = Math.sin(angle);
        wave[frequencies + k] = Math.cos(angle);
      }
      wave[waves - 1] = x[i];
      const size = waves * embedding;
      const found = mode(periodic.subarray(i * size, (i + 1) * size), wave, 1, waves, embedding);
      y.set(found.map((v, e) => v + offsets[i * embedding + e]), i * embedding);
    }
    let first = 0;
    values.forEach((count, i) => {
      const at = (first + x[numbers + i]) * embedding;
      y.set(categories.subarray(at, at + embedding), (numbers + i) * embedding);
      first += count + 1;
    });
    return y;
  }

  function member(m, rowsOfInput) {
    let grid = rowsOfInput;
    layers.forEach((layer, number) => {
      const {rows, width, newRows, newWidth} = layer;
      const mixed = mode(part(layer.right, m), grid, rows, width, rank * newWidth);
      const y = mode(mixed, part(layer.left, m), newRows, rows * rank, newWidth);
      const bias = part(layer.bias, m);
      const residual = (number > 0 || members === 1) && rows === newRows && width === newWidth;
      grid = y.map((v, i) => activation(v + bias[i]) + (residual ? grid[i] : 0));
    });
    const own = part(headBias, m);
    return mode(part(head, m), grid, 1, grid.length, outs).map((v, o) => v + own[o]);
  }

  return x => {
    const embedded = embed(x);
    const inputs = [...x.subarray(0, numbers), ...embedded.subarray(numbers * embedding)];
    const more = skip ? mode(straight, inputs, 1, inputs.length, outs) : new Float64Array(outs);
    const sum = new Float64Array(outs), change = COMBINE[shape.combine];
    for (let m = 0; m < members; m++)
      change[0](member(m, embedded).map((v, o) => v + more[o])).forEach((v, o) => sum[o] += v / members);
    return sum.map(change[1]);
  };
}

const COMBINE = {
  softmax: [softmax, log],
  sigmoid: [x => x.map(sigmoid), p => {
    const q = min(max(p, 1e-7), 1 - 1e-7);
    return log(q / (1 - q));
  }],
  mean: [x => x, x => x]
};
