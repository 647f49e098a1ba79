import type { Rank, Scalar, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs-core';
import type { Ready } from '../../contest.ts';
import { type Tf, tensorflow } from '../../peers/tfjs.ts';
import { adamOptions, compared, decays, type GptData, gpt } from './data.ts';

type Variables = Map<string, Variable<Rank>>;

/** What TensorFlow.js has in place of AdamW: its gradients, and the formula by hand. */
export async function byTensorflow({ weights, batch }: GptData, threads: number): Promise<Ready> {
  const tf = await tensorflow(threads);
  const variables: Variables = new Map([...weights].map(([name, { shape, data }]) => [name, tf.variable(tf.tensor(data, shape))]));
  const zeros = () => new Map([...weights].map(([name, { shape }]) => [name, tf.variable(tf.zeros(shape), false)]));
  const [m, v] = [zeros(), zeros()];
  const isDecayed = decays(weights);
  let taken = 0;

  async function step(): Promise<number> {
    const { ids, targets } = batch(taken++);
    const loss = tf.tidy(() => {
      const on = (data: Int32Array) => tf.tensor2d(data, [gpt.batch, gpt.tokens], 'int32');
      const { value, grads } = tf.variableGrads(() => lossOf(tf, variables, on(ids), on(targets)), [...variables.values()]);
      const gradients = new Map([...variables].map(([name, variable]) => [name, grads[variable.name]!]));
      const squares = [...gradients.values()].map((g) => tf.sum(tf.square(g)));
      const factor = tf.minimum(tf.div(adamOptions.clip, tf.add(tf.sqrt(tf.addN(squares)), 1e-6)), 1);
      for (const [name, variable] of variables) {
        update(tf, variable, tf.mul(gradients.get(name)!, factor), { m: m.get(name)!, v: v.get(name)! }, taken, isDecayed(name));
      }
      return value;
    });
    const [number] = await loss.data();
    loss.dispose();
    return number!;
  }

  return {
    async run(times) {
      for (let i = 0; i < times; i++) await step();
      return undefined;
    },
    async results() {
      const losses: number[] = [];
      for (let i = 0; i < compared; i++) losses.push(await step());
      return { losses };
    },
    close() {
      for (const set of [variables, m, v]) tf.dispose([...set.values()]);
    },
  };
}

function update(tf: Tf, p: Variable, g: Tensor, moments: { m: Variable; v: Variable }, step: number, isDecayed: boolean): void {
  const { lr, beta1, beta2, eps, weightDecay } = adamOptions;
  const m = tf.add(tf.mul(moments.m, beta1), tf.mul(g, 1 - beta1));
  const v = tf.add(tf.mul(moments.v, beta2), tf.mul(tf.square(g), 1 - beta2));
  const denominator = tf.add(tf.mul(tf.sqrt(v), 1 / Math.sqrt(1 - beta2 ** step)), eps);
  const kept = isDecayed ? tf.mul(p, 1 - lr * weightDecay) : p;
  p.assign(tf.sub(kept, tf.mul(tf.div(m, denominator), lr / (1 - beta1 ** step))));
  moments.m.assign(m);
  moments.v.assign(v);
}

function lossOf(tf: Tf, variables: Variables, ids: Tensor2D, targets: Tensor2D): Scalar {
  const { batch, tokens, width, heads, layers, vocabulary } = gpt;
  const dim = width / heads;
  const p = (name: string) => variables.get(`${name}.weight`)!;
  const linear = (x: Tensor, name: string): Tensor => {
    const weight = p(name);
    const rows = tf.reshape(x, [-1, weight.shape[1]!]) as Tensor2D;
    return tf.reshape(tf.matMul(rows, weight as unknown as Tensor2D, false, true), [...x.shape.slice(0, -1), weight.shape[0]!]);
  };
  const norm = (x: Tensor, name: string): Tensor => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), p(name));
  };
  const gelu = (x: Tensor): Tensor => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  const hidden = tf.tensor2d(
    Float32Array.from({ length: tokens * tokens }, (_, at) => (at % tokens > Math.floor(at / tokens) ? -1e9 : 0)),
    [tokens, tokens],
  );
  const oneHot = tf.oneHot(tf.reshape(ids, [-1]) as never, vocabulary) as Tensor2D; // [B T, V]
  const embedded = tf.reshape(tf.matMul(tf.cast(oneHot, 'float32'), p('wte') as unknown as Tensor2D), [batch, tokens, width]);
  let x: Tensor = tf.add(embedded, p('wpe'));
  for (let i = 0; i < layers; i++) {
    const parts = tf.split(linear(norm(x, `h.${i}.ln_1`), `h.${i}.attn.c_attn`), 3, -1);
    const split = (part: Tensor) => tf.transpose(tf.reshape(part, [batch, tokens, heads, dim]), [0, 2, 1, 3]); // [B, H, T, D]
    const [q, k, value] = parts.map(split) as [Tensor, Tensor, Tensor];
    const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(dim)), hidden);
    const attended = tf.transpose(tf.matMul(tf.softmax(scores), value), [0, 2, 1, 3]);
    x = tf.add(x, linear(tf.reshape(attended, [batch, tokens, width]), `h.${i}.attn.c_proj`));
    x = tf.add(x, linear(gelu(linear(norm(x, `h.${i}.ln_2`), `h.${i}.mlp.c_fc`)), `h.${i}.mlp.c_proj`));
  }
  const logits = tf.reshape(linear(norm(x, 'ln_f'), 'wte'), [batch * tokens, vocabulary]) as Tensor2D;
  const labels = tf.cast(tf.oneHot(tf.reshape(targets, [-1]) as never, vocabulary), 'float32') as Tensor2D;
  return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), -1))) as Scalar;
}
