// One class of several.
const answers = softmax;
