import type { HeadView, RopeArgs } from '../../backend.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { uniformSample } from '../samples.js';

type Sizes = readonly [batch: number, heads: number, tokens: number, dim: number, rotary: number];

// biome-ignore format: a table
const sizes: readonly Sizes[] = [[1, 1, 1, 2, 2], [2, 3, 5, 8, 8], [2, 2, 3, 10, 6], [1, 2, 7, 34, 34], [3, 1, 4, 65, 32], [2, 2, 3, 6, 0]];

const headsFirst = (heads: number, tokens: number, dim: number): HeadView => {
  return { offset: 0, batch: heads * tokens * dim, head: tokens * dim, token: dim };
};
/** As a projection leaves them, behind one row of something else. */
const tokensFirst = (heads: number, tokens: number, dim: number): HeadView => {
  return { offset: dim, batch: heads * tokens * dim, head: dim, token: heads * dim };
};

const at = (view: HeadView, b: number, h: number, t: number): number => view.offset + b * view.batch + h * view.head + t * view.token;

/** Writes to `out`; what lies between its heads stays. */
export function ropeReference(out: Float64Array, x: Float32Array, cos: Float32Array, sin: Float32Array, args: RopeArgs): Float64Array {
  const { batch, heads, tokens, dim, rotary, interleaved, inverse, tableBatch } = args;
  const half = rotary / 2;
  for (let i = 0; i < batch * heads * tokens; i++) {
    const [b, h, t] = [Math.floor(i / (heads * tokens)), Math.floor(i / tokens) % heads, i % tokens];
    const [from, to] = [at(args.x, b, h, t), at(args.out, b, h, t)];
    for (let j = 0; j < half; j++) {
      const [p, q] = interleaved ? [2 * j, 2 * j + 1] : [j, j + half];
      const c = cos[b * tableBatch + t * half + j]!;
      const s = sin[b * tableBatch + t * half + j]! * (inverse ? -1 : 1);
      out[to + p] = x[from + p]! * c - x[from + q]! * s;
      out[to + q] = x[from + q]! * c + x[from + p]! * s;
    }
    for (let j = rotary; j < dim; j++) out[to + j] = x[from + j]!;
  }
  return out;
}

async function turns(lab: Lab, interleaved: boolean): Promise<void | false> {
  let taken = false;
  for (const [i, [batch, heads, tokens, dim, rotary]] of sizes.entries()) {
    for (const inverse of [false, true]) {
      const own = (i % 2) * ((tokens * rotary) / 2); // a table for each sample, or one for all
      const x = i % 3 === 1 ? tokensFirst(heads, tokens, dim) : headsFirst(heads, tokens, dim);
      const args = { batch, heads, tokens, dim, rotary, interleaved, inverse, x, out: headsFirst(heads, tokens, dim), tableBatch: own };
      const n = batch * heads * tokens * dim;
      const table = own * (batch - 1) + (tokens * rotary) / 2;
      const [data, cos, sin] = [uniformSample(1, n + dim), uniformSample(2, table), uniformSample(3, table)];
      const out = lab.out('float32', n);
      const what = `rope ${JSON.stringify(args)}`;
      if (!lab.backend.fused.rope!(out, lab.put(data), lab.put(cos), lab.put(sin), args)) {
        await lab.check(`${what} declined, so out`, out, lab.rubbish('float32', n), exact);
        continue;
      }
      taken = true;
      await lab.check(what, out, ropeReference(new Float64Array(n), data, cos, sin, args), { rtol: 1e-6, atol: 1e-6 });
    }
  }
  return taken ? undefined : false;
}

export const ropeCases: readonly BackendCase[] = [
  { name: 'rope: halves', needs: 'rope', run: (lab) => turns(lab, false) },
  { name: 'rope: neighbours', needs: 'rope', run: (lab) => turns(lab, true) },
];
