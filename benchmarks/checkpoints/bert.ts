import { BertModel, readBertConfig } from '@multihead/transformer/bert';
import { type Draw, draw, linearDraw, normDraw, type Weights } from '../weights.ts';

/* A BERT of the size of all-MiniLM-L6, with random weights. */

export const shape = { layers: 6, width: 384, heads: 12, hidden: 1536, vocabulary: 30_522, positions: 512, eps: 1e-12 };

/** By the names of transformers. */
export function weights(): Weights {
  const { layers, width, hidden, vocabulary, positions } = shape;
  const layer = (i: number): Record<string, Draw> => {
    const name = (part: string) => `encoder.layer.${i}.${part}`;
    return {
      ...linearDraw(name('attention.self.query'), width, width),
      ...linearDraw(name('attention.self.key'), width, width),
      ...linearDraw(name('attention.self.value'), width, width),
      ...linearDraw(name('attention.output.dense'), width, width),
      ...normDraw(name('attention.output.LayerNorm'), width),
      ...linearDraw(name('intermediate.dense'), hidden, width),
      ...linearDraw(name('output.dense'), width, hidden),
      ...normDraw(name('output.LayerNorm'), width),
    };
  };
  const table = (rows: number): Draw => ({ shape: [rows, width], std: 0.05 });
  const specs: Record<string, Draw>[] = [
    {
      'embeddings.word_embeddings.weight': table(vocabulary),
      'embeddings.position_embeddings.weight': table(positions),
      'embeddings.token_type_embeddings.weight': table(2),
    },
    normDraw('embeddings.LayerNorm', width),
    ...Array.from({ length: layers }, (_, i) => layer(i)),
    linearDraw('pooler.dense', width, width),
  ];
  return draw(Object.assign({}, ...specs), 5);
}

export function newModel(): BertModel {
  return new BertModel(
    readBertConfig({
      model_type: 'bert',
      vocab_size: shape.vocabulary,
      hidden_size: shape.width,
      num_hidden_layers: shape.layers,
      num_attention_heads: shape.heads,
      intermediate_size: shape.hidden,
      max_position_embeddings: shape.positions,
      layer_norm_eps: shape.eps,
    }),
  );
}
