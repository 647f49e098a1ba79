/** The axes before `axis` as one, and those from it on as another. */
export function asRows(shape: readonly number[], axis: number): [number, number] {
  const size = (part: readonly number[]) => part.reduce((product, n) => product * n, 1);
  return [size(shape.slice(0, axis)), size(shape.slice(axis))];
}
