/*
 * The walk over the outer dimensions of up to four strided operands. TypeScript merges dimensions first, so few are left; the kernels
 * themselves take the innermost one or two. In memory at `walk`:
 *   i32 rank · i32 shape[16] · i32 counter[16] · then for each of 4 operands: i32 pointer · i32 byteStride[16]
 */
const SHAPE: usize = 4;
const COUNTER: usize = 4 + 64;
const OPERANDS: usize = 4 + 128;
const OPERAND: usize = 4 + 64;

@inline
export function at(walk: usize, operand: usize): usize {
  return <usize>load<u32>(walk + OPERANDS + operand * OPERAND);
}

/** Moves every pointer to the next place; false when there is none. */
export function advance(walk: usize): bool {
  for (let d = load<i32>(walk) - 1; d >= 0; d--) {
    const o = <usize>d << 2;
    const counter = load<i32>(walk + o, COUNTER) + 1;
    const size = load<i32>(walk + o, SHAPE);
    const steps = counter < size ? 1 : 1 - size;
    store<i32>(walk + o, counter < size ? counter : 0, COUNTER);
    for (let i: usize = 0; i < 4; i++) {
      const p = walk + OPERANDS + i * OPERAND;
      store<i32>(p, load<i32>(p) + steps * load<i32>(p + 4 + o));
    }
    if (counter < size) return true;
  }
  return false;
}
