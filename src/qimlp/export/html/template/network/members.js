// A network for tables, behind its columns.
function makePredict(page) {
  const columns = tableInputs(page.table), network = tableNetwork(page.members, reader(page.weights));
  return raw => answers(network(columns(raw)), page.task);
}
