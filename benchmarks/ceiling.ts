/*
 * What the engine itself can do at most: a loop of multiply-adds that do not depend on one another, on values that never leave the
 * registers. No kernel can be faster. With relaxed SIMD that is one fused instruction, without it a multiplication and an addition.
 */

/** As many as an x64 engine keeps in registers beside the two factors; more than latency times throughput asks for. */
const CHAINS = 12;
const LANES = 4;
/** Multiply-adds of each chain in one turn of the loop, so that counting doesn't count. */
const UNROLLED = 4;

const V128 = 0x7b;
const I32 = 0x7f;

/** Floating-point operations in `turns` turns of the loop. */
export const operations = (turns: number): number => turns * UNROLLED * CHAINS * LANES * 2;

/** True if the engine has a fused multiply-add. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(moduleBytes(true));
}

/** The loop, compiled: give it the number of turns. */
export function ceilingLoop(relaxed: boolean): (turns: number) => number {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(relaxed)));
  return exports.run as (turns: number) => number;
}

function moduleBytes(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const body = bodyOf(relaxed);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, 0x7d]), // one type: i32 to f32
    ...section(3, [1, 0]), // one function of it
    ...section(7, [1, 3, ...new TextEncoder().encode('run'), 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

function bodyOf(relaxed: boolean): number[] {
  // Local 0: turns left. Locals 1 to CHAINS: the chains. Then the two factors.
  const chains = Array.from({ length: CHAINS }, (_, i) => 1 + i);
  const [x, y] = [1 + CHAINS, 2 + CHAINS];
  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const splat = (value: number) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer), 0xfd, 0x13];
  const add = [0xfd, 0xe4, 0x01];
  const mul = [0xfd, 0xe6, 0x01];
  const madd = [0xfd, 0x85, 0x02];
  // c += x · y in one instruction, or c = c · x + y in two: there, x · y alone would be computed once for all chains.
  const step = (c: number) =>
    relaxed ? [...get(x), ...get(y), ...get(c), ...madd, ...set(c)] : [...get(c), ...get(x), ...mul, ...get(y), ...add, ...set(c)];
  const turn = Array.from({ length: UNROLLED }, () => chains.flatMap(step)).flat();
  return [
    ...[1, CHAINS + 2, V128],
    ...[...splat(0.999), ...set(x), ...splat(0.001), ...set(y)],
    ...chains.flatMap((c) => [...splat(c), ...set(c)]),
    ...[0x03, 0x40, ...turn],
    ...[...get(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b], // turns - 1, and again unless it is 0
    // Every chain is used, or the engine would leave it out.
    ...chains.flatMap((c, i) => (i === 0 ? get(c) : [...get(c), ...add])),
    ...[0xfd, 0x1f, 0, 0x0b],
  ];
}

function section(id: number, content: number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}
