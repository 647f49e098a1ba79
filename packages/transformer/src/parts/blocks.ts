import { add, type Tensor } from '@multihead/tensor';
import { type BlockContext, see } from '../context.js';

/** x + attention(x), then + feed-forward of that; norms are inside the two functions. */
export function residualBlock(
  input: Tensor,
  ctx: BlockContext,
  attention: (x: Tensor) => Tensor,
  feedForward: (x: Tensor) => Tensor,
): Tensor {
  const { at } = ctx;
  const x = see(ctx, `${at}.resid_pre`, input);
  const mid = add(x, see(ctx, `${at}.attn_out`, attention(x)));
  return see(ctx, `${at}.resid_post`, add(mid, see(ctx, `${at}.mlp_out`, feedForward(mid)))); // [B, T, E]
}
