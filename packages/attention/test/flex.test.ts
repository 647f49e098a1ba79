import {
  andMasks,
  attend,
  causal,
  chunkedLocal,
  combineMasks,
  createBlockMask,
  createMask,
  dilatedWindow,
  documents,
  flexAttend,
  flexAttention,
  globalTokens,
  type MaskMod,
  orMasks,
  prefixLM,
  type ScoreMod,
  sameSegment,
  shiftMask,
  slidingWindow,
} from '@multihead/attention';
import {
  add,
  broadcastTo,
  cast,
  clamp,
  cpu,
  grad,
  index,
  memory,
  mul,
  resetPeakMemory,
  scope,
  sub,
  sum,
  tensor,
  withBackend,
} from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from './models.js';

/** Who sees whom, as a drawing: a line for each query. */
async function drawn(mod: MaskMod, queries: number, keys = queries): Promise<string[]> {
  using _ = scope();
  const rows = (await cast(broadcastTo(createMask(mod, { queries, keys }), [queries, keys]), 'int32').toArray()) as number[][];
  return rows.map((row) => row.map((seen) => (seen ? 'x' : '.')).join(''));
}

const rules: Record<string, MaskMod> = {
  causal: causal(),
  'causal, shifted': causal(-2),
  window: slidingWindow(2, 1),
  'dilated window': dilatedWindow(2, 3),
  chunks: chunkedLocal(4),
  prefix: prefixLM(3),
  documents: documents([0, 3, 3, 7]),
  'global tokens': globalTokens(2),
  both: andMasks(causal(), chunkedLocal(3)),
  either: orMasks(slidingWindow(1), globalTokens(1)),
  shifted: shiftMask(slidingWindow(1, 0), 3),
};

describe('rules', () => {
  it('say who sees whom', async () => {
    expect(await drawn(causal(), 3)).toEqual(['x..', 'xx.', 'xxx']);
    expect(await drawn(causal(1), 2, 4)).toEqual(['xx..', 'xxx.']);
    expect(await drawn(slidingWindow(2, 1), 5)).toEqual(['xx...', 'xxx..', 'xxxx.', '.xxxx', '..xxx']);
    expect(await drawn(dilatedWindow(1, 2), 5)).toEqual(['x.x..', '.x.x.', 'x.x.x', '.x.x.', '..x.x']);
    expect(await drawn(chunkedLocal(2), 5)).toEqual(['xx...', 'xx...', '..xx.', '..xx.', '....x']);
    expect(await drawn(prefixLM(2), 4)).toEqual(['xx..', 'xx..', 'xxx.', 'xxxx']);
    expect(await drawn(documents([0, 2, 3]), 4)).toEqual(['xx..', 'xx..', '..x.', '....']);
    expect(await drawn(globalTokens(1), 3)).toEqual(['xxx', 'x..', 'x..']);
    expect(await drawn(shiftMask(causal(), 2), 2, 4)).toEqual(['xxx.', 'xxxx']);
    expect(await drawn(andMasks(causal(), slidingWindow(1)), 3)).toEqual(['x..', 'xx.', '.xx']);
    expect(await drawn(orMasks(slidingWindow(0), globalTokens(1)), 3)).toEqual(['xxx', 'xx.', 'x.x']);
  });

  it('rule out no key that they let a query see', async () => {
    for (const [name, mod] of Object.entries(rules)) {
      const seen = await drawn(mod, 11, 13);
      for (const [from, to] of [
        [0, 1],
        [0, 4],
        [3, 7],
        [6, 11],
        [10, 11],
      ] as const) {
        const spans = mod.spans!(from, to, 13);
        for (let i = from; i < to; i++) {
          [...seen[i]!].forEach((cell, j) => {
            if (cell === 'x')
              expect(
                spans.some(([start, end]) => start <= j && j < end),
                `${name}: ${i} sees ${j}`,
              ).toBe(true);
          });
        }
      }
    }
  });

  it('differ by sample and head', async () => {
    using _ = scope();
    const ids = tensor(Int32Array.of(0, 0, 1, 1, 0, 1, 1, 1), { shape: [2, 4] });
    const x = random([2, 2, 4, 4]);
    const rows = [
      [0, 2, 4],
      [0, 1, 4],
    ].map((ends, b) => [documents(ends), x, b] as const);
    const y = flexAttend(x, x, x, { maskMod: sameSegment(ids) });
    for (const [mod, , b] of rows) {
      const want = attend(x, x, x, { mask: createMask(mod, { queries: 4 }) });
      expect((await y.data()).slice(b * 32, b * 32 + 32)).toBeAllclose((await want.data()).slice(b * 32, b * 32 + 32));
    }
    const prefix = flexAttend(x, x, x, { maskMod: prefixLM([4, 0]) });
    expect((await prefix.data()).slice(0, 32)).toBeAllclose((await attend(x, x, x).data()).slice(0, 32));
    expect((await prefix.data()).slice(32)).toBeAllclose((await attend(x, x, x, { causal: true }).data()).slice(32));
  });

  it('refuse what cannot be', () => {
    expect(() => documents([1, 2])).toThrow(/documents: cuSeqlens: expected integers from 0 that do not fall, got 1,2/);
    expect(() => documents([0, 3, 2])).toThrow(/do not fall/);
    expect(() => chunkedLocal(0)).toThrow(/chunkedLocal: size: expected an integer of 1 or more, got 0/);
    expect(() => slidingWindow(-1)).toThrow(/slidingWindow: back: expected an integer of 0 or more, got -1/);
    expect(() => andMasks()).toThrow(/andMasks: expected at least one rule, got none/);
  });
});

describe('flexAttend', () => {
  const inputs = () => ({ q: random([2, 4, 11, 8], 1), k: random([2, 2, 13, 8], 2), v: random([2, 2, 13, 3], 3) });
  const doubled: ScoreMod = (score) => mul(score, 2);

  for (const [name, maskMod] of Object.entries(rules)) {
    it(`is attend with the mask, forwards and backwards, whatever the size of a block: ${name}`, async () => {
      using _ = scope();
      const { q, k, v } = inputs();
      for (const x of [q, k, v]) x.requiresGrad = true;
      const weights = random([2, 4, 11, 3], 9);
      const mask = createMask(maskMod, { queries: 11, keys: 13 });
      const want = attend(q, k, v, { mask, scale: 0.6 });
      const wanted = grad(sum(mul(want, weights)), [q, k, v]);
      for (const blockSize of [1, 4, 128]) {
        for (const y of [
          flexAttend(q, k, v, { maskMod, blockSize, scale: 0.6 }),
          flexAttend(q, k, v, { maskMod, blockSize, scoreMod: doubled, scale: 0.3 }),
        ]) {
          expect(await y.data()).toBeAllclose(await want.data());
          const grads = grad(sum(mul(y, weights)), [q, k, v]);
          for (const [i, g] of grads.entries()) expect(await g!.data()).toBeAllclose(await wanted[i]!.data(), { rtol: 1e-4, atol: 1e-6 });
        }
      }
    });
  }

  it('has the options of attend besides', async () => {
    using _ = scope();
    const { q, k, v } = inputs();
    const mask = random([2, 4, 11, 13], 5);
    const maskMod = chunkedLocal(5);
    const options = { causal: 'bottom-right', window: [4, 0], softcap: 3 } as const;
    const both = combineMasks(mask, createMask(maskMod, { queries: 11, keys: 13 }));
    const want = await attend(q, k, v, { ...options, mask: both }).data();
    expect(await flexAttend(q, k, v, { ...options, mask, maskMod, blockSize: 3 }).data()).toBeAllclose(want);
    expect(await flexAttend(q, k, v, { ...options, mask, maskMod, scoreMod: (score) => score, blockSize: 3 }).data()).toBeAllclose(want);
    expect(await flexAttention({ maskMod })(q, k, v, { ...options, mask }).data()).toBeAllclose(want);
    expect(await flexAttend(q, k, v, options).data()).toEqual(await attend(q, k, v, options).data());
  });

  it('gives gradients to what a scoreMod closes over', async () => {
    using _ = scope();
    const { q, k, v } = inputs();
    const bias = random([4, 9], 6);
    bias.requiresGrad = true;
    const far: ScoreMod = (score, _b, head, query, key) => add(score, index(bias, [head, clamp(add(sub(key, query), 4), 0, 8)]));
    const y = flexAttend(q, k, v, { scoreMod: far, maskMod: causal(), blockSize: 4 });
    const distance = Array.from({ length: 11 }, (_, i) => Array.from({ length: 13 }, (_, j) => Math.min(8, Math.max(0, j - i + 4))));
    const whole = index(bias, [tensor([[[0]], [[1]], [[2]], [[3]]], { dtype: 'int32' }), tensor(distance, { dtype: 'int32' })]);
    const want = attend(q, k, v, { mask: whole, causal: true });
    expect(await y.data()).toBeAllclose(await want.data());
    const weights = random([2, 4, 11, 3], 9);
    const [got] = grad(sum(mul(y, weights)), [bias]);
    const [wanted] = grad(sum(mul(want, weights)), [bias]);
    expect(await got!.data()).toBeAllclose(await wanted!.data(), { rtol: 1e-4, atol: 1e-6 });
  });

  it('computes no scores of what is ruled out', async () => {
    using _ = scope();
    const x = random([1, 1, 64, 4]);
    let cells = 0;
    const counting: ScoreMod = (score) => {
      cells += score.size;
      return score;
    };
    flexAttend(x, x, x, { scoreMod: counting, maskMod: causal(), blockSize: 8 });
    expect(cells).toBe(8 * (8 + 16 + 24 + 32 + 40 + 48 + 56 + 64));
    cells = 0;
    const ids = tensor(Int32Array.from({ length: 64 }, (_, i) => Math.floor(i / 16)));
    const blocks = await createBlockMask(sameSegment(ids), { queries: 64, blockSize: 8 });
    const y = flexAttend(x, x, x, { scoreMod: counting, maskMod: blocks, blockSize: 8 });
    expect(cells).toBe(64 * 16);
    expect(await y.data()).toBeAllclose(await attend(x, x, x, { mask: createMask(chunkedLocal(16), { queries: 64 }) }).data());
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(createBlockMask(sameSegment(ids), { queries: 64, signal: controller.signal })).rejects.toThrow('enough');
  });

  it('needs memory by tokens, not by their square', () => {
    const peak = (tokens: number) =>
      withBackend(cpu(), () => {
        using _ = scope();
        const x = random([1, 1, tokens, 2]);
        x.requiresGrad = true;
        resetPeakMemory();
        const before = memory().bytes;
        sum(flexAttend(x, x, x, { scoreMod: doubled, maskMod: slidingWindow(8), blockSize: 16 })).backward();
        x.grad!.dispose();
        return memory().peakBytes - before;
      });
    expect(peak(512) / peak(256)).toBeLessThan(2.5);
  });
});
