// Attention in the three ways of using it: `pnpm example multi-head`.
// #region attend
import { attend, KVCache, MultiHeadAttention, paddingMask } from '@multihead/attention';
import { Rng, randn, scope, slice, type Tensor } from '@multihead/tensor';

using _ = scope();
const rng = new Rng(1);
const q = randn([2, 8, 5, 64], { rng }); // [batch, heads, tokens, dim]
const out = attend(q, q, q, { causal: true, mask: paddingMask([5, 3], 5) });
console.log(out.shape); // [ 2, 8, 5, 64 ]
// #endregion attend

// #region multi-head
const attention = new MultiHeadAttention(64, 8, { kvHeads: 2, rng }); // two key/value heads, shared by four query heads each
const x = randn([2, 5, 64], { rng });
const { output, weights } = attention.forwardWithWeights(x, x, x, { causal: true });
console.log(output.shape, weights.shape); // [ 2, 5, 64 ] [ 2, 8, 5, 5 ]
// #endregion multi-head

// #region cache
const cache = new KVCache();
let last: Tensor | undefined;
for (let t = 0; t < 5; t++) {
  const token = slice(x, 1, t, t + 1); // [2, 1, 64]
  last = attention.forward(token, token, token, { causal: 'bottom-right', cache });
}
console.log(cache.length, last!.shape); // 5 [ 2, 1, 64 ]
cache.dispose();
// #endregion cache
