import { attend, mergeHeads } from '@multihead/attention';
import { type Backend, composed, noGrad, scope, type Tensor, transpose } from '@multihead/tensor';
import type { Ready } from '../../contest.ts';
import { finished, multihead, onBackend } from '../../peers/multihead.ts';
import { type AttentionData, dim, heads, keysOf, pickRows, queriesOf } from './data.ts';

interface Inputs {
  q: Tensor;
  k: Tensor;
  v: Tensor;
}

/** Leaves [1, T, H, D]; attention reads their heads in place. */
export function inputsOf(backend: Backend, { tokens, q, k, v }: AttentionData): Inputs {
  const on = (data: Float32Array) => onBackend(backend, data, [1, tokens, heads, dim]);
  return { q: on(q), k: on(k), v: on(v) };
}

/** [1, T, H · D]. */
export function attention({ q, k, v }: Inputs): Tensor {
  const [qh, kh, vh] = [q, k, v].map((x) => transpose(x, 1, 2)) as [Tensor, Tensor, Tensor]; // [1, H, T, D]
  return mergeHeads(attend(qh, kh, vh, { causal: true }));
}

export async function forwardOf(data: AttentionData, threads: number): Promise<Ready> {
  const backend = await multihead(threads);
  const inputs = inputsOf(backend, data);
  const forward = () => noGrad(() => attention(inputs));
  return {
    async run(times) {
      for (let i = 0; i < times; i++) {
        const open = scope();
        const y = forward();
        if (i === times - 1) await finished(y);
        open.close();
      }
      return undefined;
    },
    async results() {
      using _ = scope();
      const y = (await forward().data()) as Float32Array;
      return { rows: pickRows(y, queriesOf(data.tokens)), y };
    },
    close() {
      for (const x of Object.values(inputs)) x.dispose();
      backend.dispose();
    },
  };
}

/** Forward and backward; `plain` by the definition, in place of the fused kernels. */
export async function backwardOf(data: AttentionData, threads: number, plain: boolean): Promise<Ready> {
  const backend = await multihead(threads);
  const inputs = inputsOf(backend, data);
  for (const x of Object.values(inputs)) x.requiresGrad = true;
  const dOut = onBackend(backend, data.dOut, [1, data.tokens, heads * dim]);

  /** Leaves the gradients in the inputs. */
  function step(): void {
    const open = scope();
    try {
      const y = plain ? composed(() => attention(inputs)) : attention(inputs);
      y.backward(dOut);
    } finally {
      open.close();
    }
  }

  function clear(): void {
    for (const x of Object.values(inputs)) {
      x.grad?.dispose();
      x.grad = null;
    }
  }

  return {
    async run(times) {
      for (let i = 0; i < times; i++) {
        step();
        if (i === times - 1) await finished(inputs.q.grad!);
        clear();
      }
      return undefined;
    },
    async results() {
      step();
      const [dq, dk, dv] = await Promise.all([inputs.q, inputs.k, inputs.v].map((x) => x.grad!.data()));
      clear();
      const keys = keysOf(data.tokens);
      return { dq: pickRows(dq!, queriesOf(data.tokens)), dk: pickRows(dk!, keys), dv: pickRows(dv!, keys), all: concat(dq!, dk!, dv!) };
    },
    close() {
      clear();
      for (const x of [...Object.values(inputs), dOut]) x.dispose();
      backend.dispose();
    },
  };
}

function concat(...parts: ArrayLike<number>[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
