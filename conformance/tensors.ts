import { type Backend, keep, Tensor, tensor } from '@multihead/tensor';
import type { Archive, TensorRef } from './archive.js';
import type { Kind, Values } from './suite.js';

/** A leaf tensor with the numbers of `ref`, laid out in memory as its strides say. */
export function leafOf(archive: Archive, ref: TensorRef, backend: Backend, requiresGrad = false): Tensor {
  const { data, shape } = archive.values(ref);
  const leaf = ref.strides ? strided(data, shape, ref.strides, backend) : tensor(data, { shape, backend });
  leaf.requiresGrad = requiresGrad;
  return leaf;
}

/** The numbers at the places that `strides` give them, with zeros between, as a view. */
function strided(
  data: ArrayLike<number> & { slice(): typeof data },
  shape: readonly number[],
  strides: readonly number[],
  backend: Backend,
): Tensor {
  const extent = data.length === 0 ? 0 : 1 + shape.reduce((end, n, axis) => end + (n - 1) * strides[axis], 0);
  const room = new (data.constructor as new (length: number) => typeof data & { [i: number]: number })(extent);
  for (let i = 0; i < data.length; i++) {
    let at = 0;
    for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
      at += (rest % shape[axis]) * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    room[at] = data[i];
  }
  const base = tensor(room, { backend });
  return new Tensor(base.storage.retain(), shape, base.dtype, strides);
}

const kinds: Record<Tensor['dtype'], Kind> = { float32: 'float', float64: 'float', int32: 'int', bool: 'bool' };

export async function valuesOf(x: Tensor): Promise<Values> {
  return { shape: x.shape, kind: kinds[x.dtype], data: await x.data() };
}

/** Runs `use` and disposes the tensors it was lent, which no scope owns: the parameters of a model. */
export async function lending<T>(owned: Iterable<Tensor>, use: () => Promise<T>): Promise<T> {
  const tensors = [...owned].map(keep);
  try {
    return await use();
  } finally {
    for (const item of tensors) item.dispose();
  }
}
