// Several labels: the probability of each.
const answers = x => x.map(sigmoid);
