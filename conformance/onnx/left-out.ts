const strings = 'tensors have numbers, not strings';
const sequences = 'a list of tensors is an array of JavaScript';
const optionals = 'what may be missing is null in JavaScript';
export const random = 'random numbers are our own';

/** Operators that the toolkit leaves out on purpose, and why. */
export const leftOut: Readonly<Record<string, string>> = {
  StringConcat: strings,
  StringNormalizer: strings,
  StringSplit: strings,
  RegexFullMatch: strings,
  LabelEncoder: strings,
  Bernoulli: random,
  Multinomial: random,
  RandomNormal: random,
  RandomNormalLike: random,
  RandomUniform: random,
  RandomUniformLike: random,
  ConcatFromSequence: sequences,
  SequenceAt: sequences,
  SequenceConstruct: sequences,
  SequenceEmpty: sequences,
  SequenceErase: sequences,
  SequenceInsert: sequences,
  SequenceLength: sequences,
  SequenceMap: sequences,
  SplitToSequence: sequences,
  Optional: optionals,
  OptionalGetElement: optionals,
  OptionalHasElement: optionals,
};
