// Layers one after the other, behind a table's columns.
function makePredict(page) {
  const take = reader(page.weights), columns = tableInputs(page.table), first = preparation(page.scaling);
  const layers = page.layers.map(layer => kronecker(take, layer));
  return raw => answers(layers.reduce((x, layer) => layer(x), first(columns(raw))), page.task);
}
