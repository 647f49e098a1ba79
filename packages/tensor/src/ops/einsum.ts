import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { show, sizeOf } from '../shape.js';
import { checkTensor, commonBackend, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { diagonal } from './diagonal.js';
import { type Equation, readEquation } from './einsum-equation.js';
import { matmul } from './matmul.js';
import { sum } from './reduce.js';
import { movedim, permute, reshape, squeeze } from './view.js';

/**
 * Sums of products of tensors whose axes have letters, in Einstein's notation.
 *
 * `ij,jk->ik` is yᵢₖ = Σⱼ aᵢⱼ · bⱼₖ: axes of one letter are walked together, and a letter that the output does not name is summed over. A
 * letter twice in one operand takes its diagonal. An ellipsis stands for axes without letters, which broadcast. Without an arrow the output
 * has the axes under the ellipsis and then, in alphabetical order, the letters that occur once. Spaces do not count. Axes of length 1
 * broadcast. One float type for all (of one tensor alone: any that `sum` takes).
 * Operands are first summed over what they alone have, then multiplied two by two from left to right, by `matmul` where something is summed.
 * Throws a ValueError for an equation that makes no sense or does not fit the number of tensors or axes, a ShapeError that names the letter
 * where lengths differ, a DTypeError for two types or no float.
 * Source: numpy.einsum, torch.einsum.
 *
 * @example
 * einsum('ij,jk->ik', [tensor([[1, 2]]), tensor([[3], [4]])]); // [[11]]
 * einsum('ii->i', [tensor([[1, 2], [3, 4]])]); // [1, 4]
 * einsum('i,j', [tensor([1, 2]), tensor([3, 4])]); // [[3, 4], [6, 8]]
 */
export function einsum(equation: string, tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 0) throw new ValueError('einsum: tensors: expected at least one, got none');
  for (const [i, x] of tensors.entries()) checkTensor('einsum', `tensors[${i}]`, x);
  commonBackend('einsum', Object.fromEntries(tensors.map((x, i) => [`tensors[${i}]`, x])));
  checkTypes(tensors);
  const read = readEquation(equation, tensors.map((x) => x.rank)); // biome-ignore format: one call
  checkLengths(equation, read, tensors);
  const operands = tensors.map((x, i) => onDiagonals({ x, labels: read.operands[i]! }));
  // A letter is summed over as soon as nothing to come needs it.
  const needed = (from: number) => new Set([...read.output, ...read.operands.slice(from).flat()]);
  const own = operands.map((operand, i) => {
    const others = new Set([...read.output, ...read.operands.filter((_, j) => j !== i).flat()]);
    return summed(operand, operand.labels.filter((label) => !others.has(label))); // biome-ignore format: one call
  });
  const result = own.reduce((a, b, i) => contracted(a, b, needed(i + 1)));
  return permute(result.x, read.output.map((label) => result.labels.indexOf(label))); // biome-ignore format: one call
}

/** A tensor and the labels of its axes, each once. */
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

function checkTypes(tensors: readonly Tensor[]): void {
  const first = tensors[0]!.dtype;
  const other = tensors.findIndex(({ dtype }) => dtype !== first);
  if (other > 0) throw new DTypeError(`einsum: tensors[0] is ${first} and tensors[${other}] ${tensors[other]!.dtype}: expected one dtype`);
  if (tensors.length > 1 && !isFloat(first)) throw new DTypeError(`einsum: tensors: expected a float type, got ${first}`);
}

/** Axes of one label have one length or 1; within one operand, exactly one length. */
function checkLengths(equation: string, { operands }: Equation, tensors: readonly Tensor[]): void {
  const seen = new Map<string, { operand: number; length: number }>();
  operands.forEach((labels, operand) => {
    labels.forEach((label, axis) => {
      const length = tensors[operand]!.shape[axis]!;
      const before = seen.get(label);
      const within = labels.indexOf(label) < axis ? tensors[operand]!.shape[labels.indexOf(label)]! : length;
      if (within !== length || (before && before.length !== length && before.length !== 1 && length !== 1)) {
        const name = label.startsWith('.') ? `axis ${-Number(label.slice(1))} of the ellipsis` : label;
        const there = within !== length ? { operand, length: within } : before!;
        const at = (i: number, n: number) => `${n} in operand ${i} ${show(tensors[i]!.shape)}`;
        const lengths = `${at(there.operand, there.length)} and ${at(operand, length)}`;
        throw new ShapeError(`einsum: equation: ${JSON.stringify(equation)}: expected one length of ${name}, got ${lengths}`);
      }
      if (!before || before.length === 1) seen.set(label, { operand, length });
    });
  });
}

/** With each label once: those that stood twice or more often have become diagonals. */
function onDiagonals({ x, labels }: Labelled): Labelled {
  const second = labels.findIndex((label, axis) => labels.indexOf(label) < axis);
  if (second < 0) return { x, labels };
  const first = labels.indexOf(labels[second]!);
  const along = movedim(diagonal(x, { axis1: first, axis2: second }), -1, first);
  return onDiagonals({ x: along, labels: labels.toSpliced(second, 1) });
}

function summed({ x, labels }: Labelled, over: readonly string[]): Labelled {
  if (over.length === 0) return { x, labels };
  const axis = over.map((label) => labels.indexOf(label));
  return { x: sum(x, { axis }), labels: labels.filter((label) => !over.includes(label)) };
}

/** The product of two operands, summed over what is not `needed` any more. */
function contracted(left: Labelled, right: Labelled, needed: ReadonlySet<string>): Labelled {
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const over = shared.filter((label) => !needed.has(label));
  const lengthOf = ({ x, labels }: Labelled, label: string) => x.shape[labels.indexOf(label)]!;
  // Where one side has length 1, the other is summed by itself.
  const alone = over.filter((label) => lengthOf(left, label) !== lengthOf(right, label));
  const reduced = (side: Labelled): Labelled => {
    const ones = alone.filter((label) => lengthOf(side, label) === 1);
    const { x, labels } = summed(side, alone.filter((label) => !ones.includes(label))); // biome-ignore format: one call
    return { x: squeeze(x, ones.map((label) => labels.indexOf(label))), labels: labels.filter((label) => !ones.includes(label)) }; // biome-ignore format: a pair
  };
  const [a, b] = [reduced(left), reduced(right)];
  const inner = over.filter((label) => !alone.includes(label));
  return inner.length === 0 ? multiplied(a, b) : multipliedOver(inner, a, b);
}

/** Elementwise, with the labels of `a` and then what `b` has besides. */
function multiplied(a: Labelled, b: Labelled): Labelled {
  const labels = [...a.labels, ...b.labels.filter((label) => !a.labels.includes(label))];
  return { x: mul(arranged(a, labels), arranged(b, labels)), labels };
}

/** With the axes in the order of `labels`, of length 1 where there is none. */
function arranged({ x, labels }: Labelled, order: readonly string[]): Tensor {
  const present = order.filter((label) => labels.includes(label));
  const sorted = permute(x, present.map((label) => labels.indexOf(label))); // biome-ignore format: one call
  return reshape(sorted, order.map((label) => (labels.includes(label) ? x.shape[labels.indexOf(label)]! : 1))); // biome-ignore format: one call
}

/** As a product of matrices: [...batch, m, k] · [...batch, k, n]. */
function multipliedOver(k: readonly string[], a: Labelled, b: Labelled): Labelled {
  const batch = a.labels.filter((label) => b.labels.includes(label) && !k.includes(label));
  const rest = ({ labels }: Labelled) => labels.filter((label) => !batch.includes(label) && !k.includes(label));
  const [m, n] = [rest(a), rest(b)];
  const lengths = ({ x, labels }: Labelled, of: readonly string[]) => of.map((label) => x.shape[labels.indexOf(label)]!);
  const matrix = (side: Labelled, rows: readonly string[], columns: readonly string[]) =>
    reshape(arranged(side, [...batch, ...rows, ...columns]), [
      ...lengths(side, batch),
      sizeOf(lengths(side, rows)),
      sizeOf(lengths(side, columns)),
    ]);
  const y = matmul(matrix(a, m, k), matrix(b, k, n));
  const labels = [...batch, ...m, ...n];
  return { x: reshape(y, [...y.shape.slice(0, batch.length), ...lengths(a, m), ...lengths(b, n)]), labels };
}
