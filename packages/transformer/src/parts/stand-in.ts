import { keep, noGrad, Tensor, type TensorData, tidy } from '@multihead/tensor';

/* What a checkpoint has of a model in which other things stand in place of layers: adapters, weights in few bits. */

/** A tensor that is made when it is needed. Two that are made of the same are tied. */
export interface Made {
  readonly of: object;
  make(): Tensor;
}

/** Something that stands in place of a layer, and says what a checkpoint has of that one. */
export interface StandIn {
  stored(): Readonly<Record<string, Tensor | Made | null>>;
}

/**
 * The values of all tensors as a checkpoint has them, tied ones under their first names, read back. `merged`: of tensors that an adapter has
 * brought in place of the model's own, those count; else the model's own do.
 */
export async function storedState(model: object, merged: boolean): Promise<Map<string, TensorData>> {
  const state = new Map<string, TensorData>();
  const seen = new Set<object>();
  for (const [path, value] of storedTensors(model, '', merged)) {
    const identity = value instanceof Tensor ? value : value.of;
    if (seen.has(identity)) continue;
    seen.add(identity);
    const tensor = value instanceof Tensor ? value : noGrad(() => keep(tidy(() => value.make())));
    try {
      state.set(path, { dtype: tensor.dtype, shape: tensor.shape, data: await tensor.data() });
    } finally {
      if (tensor !== value) tensor.dispose();
    }
  }
  return state;
}

function* storedTensors(module: object, above: string, merged: boolean): Generator<[string, Tensor | Made]> {
  const isStandIn = 'stored' in module && typeof module.stored === 'function';
  const fields = isStandIn ? (module as StandIn).stored() : fieldsOf(module, merged);
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    const path = above === '' ? key : `${above}.${key}`;
    if (value instanceof Tensor || isStandIn) yield [path, value as Tensor | Made];
    else yield* storedTensors(value, path, merged);
  }
}

/** The fields of a module, without what an adapter put there. */
function fieldsOf(module: object, merged: boolean): Record<string, unknown> {
  const { modules_to_save: _, original_module: own, ...fields } = module as Record<string, unknown> & { original_module?: object };
  return merged || !own ? fields : { ...fields, ...own };
}
