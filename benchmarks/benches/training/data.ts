import { sinusoidalTable } from '@multihead/attention';
import { integers } from '../../random.ts';
import { attentionDraw, type Draw, draw, linearDraw, normDraw, type Weights } from '../../weights.ts';

/* The model that is trained, and what it is trained on. */

export const shape = { layers: 3, width: 128, heads: 8, hidden: 512, vocabulary: 40, batch: 64, tokens: 20 };
export const adamOptions = { lr: 1e-3, beta1: 0.9, beta2: 0.98, eps: 1e-9 };
export const ids = { pad: 0, bos: 1, eos: 2 };
/** Steps whose losses are compared. */
export const compared = 10;

export interface TrainingData {
  weights: Weights;
  /** What is added to the embeddings, [T, E]. */
  positions: Float32Array<ArrayBuffer>;
  /** Sources, targets as the decoder reads them and as it should continue them: each [B, T]. */
  batch(step: number): Record<'source' | 'target' | 'answer', Int32Array<ArrayBuffer>>;
}

export function trainingData(): TrainingData {
  return {
    weights: trainingWeights(),
    positions: Float32Array.from(sinusoidalTable(shape.tokens, shape.width)),
    batch: reversals,
  };
}

function trainingWeights(): Weights {
  const { layers, width, hidden, vocabulary } = shape;
  const specs: Record<string, Draw>[] = ['encoder', 'decoder'].flatMap((stack) => {
    const norms = stack === 'encoder' ? [1, 2] : [1, 2, 3];
    const layer = (i: number): Record<string, Draw> => {
      const name = `transformer.${stack}.layers.${i}`;
      return {
        ...attentionDraw(`${name}.self_attn`, width),
        ...(stack === 'decoder' ? attentionDraw(`${name}.multihead_attn`, width) : {}),
        ...linearDraw(`${name}.linear1`, hidden, width),
        ...linearDraw(`${name}.linear2`, width, hidden),
        ...Object.assign({}, ...norms.map((n) => normDraw(`${name}.norm${n}`, width))),
      };
    };
    return [...Array.from({ length: layers }, (_, i) => layer(i)), normDraw(`transformer.${stack}.norm`, width)];
  });
  const embedding: Draw = { shape: [vocabulary, width], std: width ** -0.5 };
  return draw(Object.assign({ 'src_embedding.weight': embedding, 'tgt_embedding.weight': embedding }, ...specs), 3);
}

/** Words to be reversed. */
function reversals(step: number): Record<'source' | 'target' | 'answer', Int32Array<ArrayBuffer>> {
  const { batch, tokens, vocabulary } = shape;
  const lengths = integers(200 + 2 * step, batch, 10, tokens);
  const letters = integers(201 + 2 * step, batch * tokens, 3, vocabulary);
  const words = Array.from(lengths, (length, b) => [...letters.subarray(b * tokens, b * tokens + length)]);
  const rows = (of: (word: number[]) => number[]) =>
    Int32Array.from(words.flatMap((word) => [...of(word), ...Array(tokens).fill(ids.pad)].slice(0, tokens)));
  return {
    source: rows((word) => word),
    target: rows((word) => [ids.bos, ...word.toReversed()]),
    answer: rows((word) => [...word.toReversed(), ids.eos]),
  };
}
