import { combineMasks } from '@multihead/attention';
import { logicalNot, reshape, type Tensor } from '@multihead/tensor';

/*
 * Masks of PyTorch's modules as `attend` takes them. In a bool mask of theirs true means "masked"; here it means "may look". Float masks
 * are added in both.
 */

const mayLook = (mask: Tensor) => (mask.dtype === 'bool' ? logicalNot(mask) : mask);

/** `attn_mask` [Q, K] or [B·H, Q, K] and `key_padding_mask` [B, K] or [K] as one that broadcasts to [B, H, Q, K]. */
export function maskOf(attention: Tensor | null, padding: Tensor | null, heads: number): Tensor | null {
  return combineMasks(attention && attentionMask(attention, heads), padding && paddingMask(padding));
}

function attentionMask(mask: Tensor, heads: number): Tensor {
  if (mask.rank === 2) return mayLook(mask);
  const [both, queries, keys] = mask.shape;
  return mayLook(reshape(mask, [both / heads, heads, queries, keys]));
}

function paddingMask(mask: Tensor): Tensor {
  const keys = mask.shape.at(-1)!;
  return mayLook(reshape(mask, [mask.size / keys, 1, 1, keys]));
}
