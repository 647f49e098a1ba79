import type { Ready } from '../../contest.ts';
import type { Jax } from '../../peers/jax.ts';
import type { JaxArray, Layers, Parameters } from '../../peers/jax-layers.ts';
import { type Batch, jaxTraining } from '../../peers/jax-trainer.ts';
import { adamOptions, compared, ids, shape, type TrainingData } from './data.ts';

const { layers, width, heads } = shape;

export function byJax({ weights, positions, batch }: TrainingData, threads: number): Promise<Ready> {
  return jaxTraining(
    {
      weights,
      compared,
      adam: { ...adamOptions, weightDecay: 0, decays: () => false, clip: null },
      batch: (step) =>
        Object.fromEntries(Object.entries(batch(step)).map(([name, data]) => [name, { shape: [shape.batch, shape.tokens], data }])),
      loss: (of, jax, parameters, data) => lossOf(of, jax, parameters, data, positions),
    },
    threads,
  );
}

function lossOf(of: Layers, { numpy: np, tree }: Jax, parameters: Parameters, data: Batch, positions: Float32Array<ArrayBuffer>): JaxArray {
  const { source, target, answer } = data as Record<'source' | 'target' | 'answer', JaxArray>;
  const model = modelOf(of, parameters);
  const embed = (table: string, tokens: JaxArray) =>
    np
      .take(model.p(`${table}.weight`), tokens, 0)
      .mul(Math.sqrt(width))
      .add(np.array(positions, { shape: [shape.tokens, width] })); // [B, T, E]
  const visible = np.notEqual(source.ref, ids.pad).reshape([shape.batch, 1, 1, shape.tokens]);

  let memory = embed('src_embedding', source);
  for (let i = 0; i < layers; i++) {
    const name = `transformer.encoder.layers.${i}`;
    memory = model.norm(`${name}.norm1`, memory.ref.add(model.selfAttention(`${name}.self_attn`, memory, { mask: visible.ref })));
    memory = model.norm(`${name}.norm2`, memory.ref.add(model.feedForward(name, memory)));
  }
  memory = model.norm('transformer.encoder.norm', memory);

  let x = embed('tgt_embedding', target);
  for (let i = 0; i < layers; i++) {
    const name = `transformer.decoder.layers.${i}`;
    x = model.norm(`${name}.norm1`, x.ref.add(model.selfAttention(`${name}.self_attn`, x, { isCausal: true })));
    x = model.norm(`${name}.norm2`, x.ref.add(model.crossAttention(`${name}.multihead_attn`, x, memory.ref, visible.ref)));
    x = model.norm(`${name}.norm3`, x.ref.add(model.feedForward(name, x)));
  }
  tree.dispose([memory, visible]);
  const logits = of.linear(model.norm('transformer.decoder.norm', x), model.p('tgt_embedding.weight'));
  tree.dispose(parameters);
  const counted = np.notEqual(answer.ref, ids.pad).astype(np.float32);
  return of.crossEntropy(logits, answer, counted);
}

/** The parts of torch.nn.Transformer, by the names of their parameters. Each consumes its inputs. */
function modelOf(of: Layers, parameters: Parameters) {
  const p = (name: string): JaxArray => parameters[name]!.ref;
  const linear = (name: string, x: JaxArray) => of.linear(x, p(`${name}.weight`), p(`${name}.bias`));
  const norm = (name: string, x: JaxArray) => of.layerNorm(x, p(`${name}.weight`), p(`${name}.bias`));

  function selfAttention(name: string, x: JaxArray, options: { isCausal?: boolean; mask?: JaxArray }): JaxArray {
    const qkv = of.linear(x, p(`${name}.in_proj_weight`), p(`${name}.in_proj_bias`)); // [B, T, 3 E]
    const part = (i: number) => qkv.ref.slice([], [], [i * width, (i + 1) * width]);
    const attended = of.attend(part(0), part(1), part(2), heads, options);
    qkv.dispose();
    return linear(`${name}.out_proj`, attended);
  }

  function crossAttention(name: string, x: JaxArray, memory: JaxArray, mask: JaxArray): JaxArray {
    const rows = (from: number, to: number) =>
      [p(`${name}.in_proj_weight`).slice([from * width, to * width]), p(`${name}.in_proj_bias`).slice([from * width, to * width])] as const;
    const q = of.linear(x, ...rows(0, 1));
    const keyValue = of.linear(memory, ...rows(1, 3)); // [B, S, 2 E]
    const attended = of.attend(q, keyValue.ref.slice([], [], [0, width]), keyValue.slice([], [], [width, 2 * width]), heads, { mask });
    return linear(`${name}.out_proj`, attended);
  }

  function feedForward(name: string, x: JaxArray): JaxArray {
    return linear(`${name}.linear2`, of.relu(linear(`${name}.linear1`, x)));
  }

  return { p, norm, selfAttention, crossAttention, feedForward };
}
