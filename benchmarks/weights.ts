import { normals } from './random.ts';

/** The weights of a model by name: what each contestant loads. Names and layouts are PyTorch's. */
export type Weights = Map<string, Weight>;

export interface Weight {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

/** How the numbers of a weight are drawn. */
export interface Draw {
  shape: number[];
  std: number;
  mean?: number;
}

/** Each weight has its own seed, so that one more changes no other. */
export function draw(specs: Readonly<Record<string, Draw>>, seed: number): Weights {
  return new Map(
    Object.entries(specs).map(([name, { shape, std, mean }], i) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, { shape, data: normals(1000 * seed + i, size, std, mean) }];
    }),
  );
}

/** A linear layer [out, in] with its bias. */
export function linearDraw(name: string, out: number, into: number, std = into ** -0.5): Record<string, Draw> {
  return { [`${name}.weight`]: { shape: [out, into], std }, [`${name}.bias`]: { shape: [out], std: 0.05 } };
}

export function normDraw(name: string, width: number): Record<string, Draw> {
  return { [`${name}.weight`]: { shape: [width], std: 0.05, mean: 1 }, [`${name}.bias`]: { shape: [width], std: 0.05 } };
}

/** torch.nn.MultiheadAttention. */
export function attentionDraw(name: string, width: number): Record<string, Draw> {
  return {
    [`${name}.in_proj_weight`]: { shape: [3 * width, width], std: width ** -0.5 },
    [`${name}.in_proj_bias`]: { shape: [3 * width], std: 0.05 },
    ...linearDraw(`${name}.out_proj`, width, width),
  };
}

export function weightOf(weights: Weights, name: string): Weight {
  const found = weights.get(name);
  if (!found) throw new Error(`there is no weight ${name}`);
  return found;
}

/** Rows [from, to) of a weight. */
export function rowsOf(weights: Weights, name: string, from: number, to: number): Weight {
  const { shape, data } = weightOf(weights, name);
  const width = data.length / shape[0]!;
  return { shape: [to - from, ...shape.slice(1)], data: data.slice(from * width, to * width) };
}

/** [out, in] as [in, out]. */
export function transposed({ shape, data }: Weight): Weight {
  const [rows, columns] = shape as [number, number];
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]!;
  return { shape: [columns, rows], data: out };
}

/** As `loadStateDict` of @multihead/tensor takes it. */
export function stateOf(weights: Weights): Map<string, Weight & { dtype: 'float32' }> {
  return new Map([...weights].map(([name, weight]) => [name, { ...weight, dtype: 'float32' as const }]));
}
