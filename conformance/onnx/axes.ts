import { permute, type Tensor } from '@multihead/tensor';

/* Axes where the operators of ONNX have them, beside where ours do. */

/** The axes before `axis` as one, and those from it on as another. */
export function asRows(shape: readonly number[], axis: number): [number, number] {
  const size = (part: readonly number[]) => part.reduce((product, n) => product * n, 1);
  return [size(shape.slice(0, axis)), size(shape.slice(axis))];
}

/** Axis `from` at place `to`, the others in order. */
export function moved(x: Tensor, from: number, to: number): Tensor {
  const axes = [...x.shape.keys()];
  const [axis] = axes.splice(from, 1);
  return permute(x, axes.toSpliced(to < 0 ? to + x.rank : to, 0, axis));
}
