// The kinds of attention, and what goes with them: `pnpm example attention-catalogue`.
import {
  add,
  clamp,
  index,
  mean,
  normalize,
  Rng,
  randn,
  rope,
  scope,
  sigmoid,
  slice,
  square,
  sub,
  type Tensor,
  zeros,
} from '@multihead/tensor';

using _ = scope();
const rng = new Rng(1);
const heads = (tokens: number) => randn([1, 4, tokens, 32], { rng }); // [batch, heads, tokens, dim]
const [q, k, v] = [heads(300), heads(300), heads(300)];

// #region window
import { attend, attentionSinks, captureOf, ropeFrequencies, ropeTables } from '@multihead/attention';

const { cos, sin } = ropeTables(300, ropeFrequencies(32, { base: 10_000 }));
const [turnedQ, turnedK] = [rope(q, cos, sin), rope(k, cos, sin)]; // Llama's pairs
const capture = captureOf({ heads: [0], rows: [-1] }, (weights) => console.log(weights.shape)); // [ 1, 1, 1, 300 ]
const out = attend(turnedQ, turnedK, v, { causal: true, window: 127, softcap: 50, capture });
console.log(out.shape); // [ 1, 4, 300, 32 ]

const sinks = zeros([4], { requiresGrad: true }); // a learned score for each head that stands for no value
const withSinks = attentionSinks(sinks)(turnedQ, turnedK, v, { causal: true });
console.log(withSinks.shape); // [ 1, 4, 300, 32 ]
// #endregion window

// #region flex
import { andMasks, causal, documents, flexAttend, type ScoreMod } from '@multihead/attention';

const bias = zeros([4, 65], { requiresGrad: true }); // by head and distance
const byDistance: ScoreMod = (score, _sample, head, query, key) => add(score, index(bias, [head, clamp(add(sub(key, query), 64), 0, 64)]));
const packed = flexAttend(q, k, v, { scoreMod: byDistance, maskMod: andMasks(causal(), documents([0, 120, 300])) });
mean(square(packed)).backward(); // tile by tile: memory is O(tokens)
console.log(bias.grad!.shape); // [ 4, 65 ]
// #endregion flex

// #region caches
import { type AttentionCache, KVCache, PagedKVCache, QuantizedKVCache, SlidingWindowCache } from '@multihead/attention';

const kinds: AttentionCache[] = [new KVCache(), new SlidingWindowCache(15), new PagedKVCache({ blockSize: 16 }), new QuantizedKVCache()];
for (const cache of kinds) {
  let y: Tensor | undefined;
  for (const [from, to] of [
    [0, 60],
    [60, 61],
    [61, 62],
  ] as const) {
    // biome-ignore format: a prompt and two tokens
    const part = (x: Tensor) => slice(x, 2, from, to);
    const held = cache.append(part(k), part(v));
    y = attend(part(q), held.k, held.v, { causal: 'bottom-right', window: 15 });
  }
  console.log(cache.constructor.name, cache.length, y!.shape);
  cache.dispose();
}
// #endregion caches

// #region linear
import { gatedDeltaRule, linearAttention } from '@multihead/attention';

const linear = linearAttention()(q, k, v, { causal: true }); // O(tokens)
const beta = sigmoid(slice(k, -1, 0, 1));
const prompt = gatedDeltaRule(q, normalize(k), v, { beta }); // by chunks; `state` is all that the next token needs
console.log(linear.shape, prompt.state.shape); // [ 1, 4, 300, 32 ] [ 1, 4, 32, 32 ]
// #endregion linear
