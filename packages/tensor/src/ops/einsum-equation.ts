import { ValueError } from '../errors.js';

/*
 * What an einsum equation says, as lists of labels: a letter for each named axis, `.1`, `.2` … for those that an ellipsis stands for,
 * counted from the right as broadcasting does.
 */

export interface Equation {
  /** The labels of each operand's axes, one for each axis. */
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** Reads `equation` for operands of the given ranks. Throws a ValueError that says what is wrong with it. */
export function readEquation(equation: string, ranks: readonly number[]): Equation {
  const fail = (problem: string): never => {
    throw new ValueError(`einsum: equation: ${JSON.stringify(equation)}: ${problem}`);
  };
  if (typeof equation !== 'string') fail(`expected a string, got ${typeof equation}`);
  const sides = equation.replaceAll(' ', '').split('->');
  if (sides.length > 2) fail('more than one ->');
  const terms = sides[0]!.split(',');
  if (terms.length !== ranks.length) fail(`has ${terms.length} operands, got ${ranks.length} tensors`);
  const operands = terms.map((term, i) => {
    const { before, after, dots } = subscripts(term, `operand ${i}`, fail);
    const covered = ranks[i]! - before.length - after.length;
    if (covered < 0 || (covered > 0 && !dots)) {
      fail(`operand ${i} names ${before.length + after.length} axes${dots ? ' besides its ellipsis' : ''}, the tensor has ${ranks[i]}`);
    }
    return [...before, ...ellipsis(covered), ...after];
  });
  const output = sides.length === 1 ? implied(operands) : explicit(sides[1]!, operands, fail);
  return { operands, output };
}

/** The labels of n axes under an ellipsis. */
function ellipsis(n: number): string[] {
  return Array.from({ length: n }, (_, i) => `.${n - i}`);
}

/** The letters before and after the ellipsis, if there is one. */
function subscripts(term: string, where: string, fail: (problem: string) => never): { before: string[]; after: string[]; dots: boolean } {
  const parts = term.split('...');
  if (parts.length > 2) fail(`${where} has more than one ellipsis`);
  const strange = parts.join('').match(/[^a-zA-Z]/);
  if (strange) fail(`${where} has ${JSON.stringify(strange[0])}, expected letters and at most one ellipsis (...)`);
  return { before: [...parts[0]!], after: [...(parts[1] ?? '')], dots: parts.length === 2 };
}

/** Without an arrow: the axes under ellipses, then the letters that occur once, in alphabetical order. */
function implied(operands: readonly (readonly string[])[]): string[] {
  const letters = operands.flat().filter((label) => !label.startsWith('.'));
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  return [...ellipsis(widest(operands)), ...once.sort()];
}

function explicit(term: string, operands: readonly (readonly string[])[], fail: (problem: string) => never): string[] {
  const { before, after, dots } = subscripts(term, 'the output', fail);
  const letters = [...before, ...after];
  const twice = letters.find((letter, i) => letters.indexOf(letter) !== i);
  if (twice !== undefined) fail(`the output names ${twice} twice`);
  const unknown = letters.find((letter) => !operands.flat().includes(letter));
  if (unknown !== undefined) fail(`the output names ${unknown}, which no operand has`);
  return [...before, ...(dots ? ellipsis(widest(operands)) : []), ...after];
}

/** The most axes that stand under one ellipsis. */
function widest(operands: readonly (readonly string[])[]): number {
  return Math.max(0, ...operands.map((labels) => labels.filter((label) => label.startsWith('.')).length));
}
