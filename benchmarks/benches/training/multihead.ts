import { crossEntropy, dispose, loadStateDict, parameters, scope } from '@multihead/tensor';
import { adam } from '@multihead/train';
import { Seq2Seq } from '@multihead/transformer/seq2seq';
import type { Ready } from '../../contest.ts';
import { multihead, onBackend } from '../../peers/multihead.ts';
import { stateOf } from '../../weights.ts';
import { adamOptions, compared, ids, shape, type TrainingData } from './data.ts';

export async function ours({ weights, batch }: TrainingData, threads: number): Promise<Ready> {
  const backend = await multihead(threads);
  const model = new Seq2Seq({
    d_model: shape.width,
    nhead: shape.heads,
    num_encoder_layers: shape.layers,
    num_decoder_layers: shape.layers,
    dim_feedforward: shape.hidden,
    src_vocab_size: shape.vocabulary,
    tgt_vocab_size: shape.vocabulary,
    pad_token_id: ids.pad,
    bos_token_id: ids.bos,
    eos_token_id: ids.eos,
  });
  loadStateDict(model, stateOf(weights));
  const { lr, beta1, beta2, eps } = adamOptions;
  const optimizer = adam(parameters(model), { lr, betas: [beta1, beta2], eps });
  let taken = 0;

  async function step(): Promise<number> {
    using _ = scope();
    const { source, target, answer } = batch(taken++);
    const on = (data: Int32Array) => onBackend(backend, data, [shape.batch, shape.tokens]);
    const loss = crossEntropy(model.forward(on(source), on(target)), on(answer), { ignoreIndex: ids.pad });
    loss.backward();
    optimizer.step();
    return loss.item();
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
      optimizer.dispose();
      dispose(model);
      backend.dispose();
    },
  };
}
