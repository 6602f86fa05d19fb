// Layers one after the other, behind the scaling.
function makePredict(page) {
  const take = reader(page.weights), first = preparation(page.scaling);
  const layers = page.layers.map(layer => kronecker(take, layer));
  return raw => answers(layers.reduce((x, layer) => layer(x), first(raw)), page.task);
}
