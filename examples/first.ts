// A character-sized Transformer that learns to reverse what it reads: `pnpm example first`.
// #region first
import { wasm } from '@multihead/kernels-wasm';
import { crossEntropy, parameters, Rng, scope, setBackend, tensor } from '@multihead/tensor';
import { adamw } from '@multihead/train';
import { greedySearch, Seq2Seq } from '@multihead/transformer/seq2seq';

setBackend(await wasm()); // leave this line out and all runs on the CPU backend
const rng = new Rng(1);
const ids = (rows: number[][]) => tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0]!.length] });

const model = new Seq2Seq(
  {
    d_model: 32,
    nhead: 4,
    num_encoder_layers: 1,
    num_decoder_layers: 1,
    dim_feedforward: 64,
    norm_first: true,
    src_vocab_size: 13,
    tgt_vocab_size: 13,
    pad_token_id: 0,
    bos_token_id: 1,
    eos_token_id: 2,
  },
  { rng },
);
const optimizer = adamw(parameters(model), { lr: 5e-3 });

for (let step = 1; step <= 300; step++) {
  using _ = scope(); // what is made below dies at the brace
  const words = Array.from({ length: 32 }, () => Array.from({ length: 6 }, () => 3 + rng.integer(10)));
  const answers = words.map((word) => [...word].reverse());
  const logits = model.forward(ids(words), ids(answers.map((answer) => [1, ...answer])), { rng });
  const loss = crossEntropy(logits, ids(answers.map((answer) => [...answer, 2])));
  loss.backward();
  optimizer.step(); // consumes the gradients
  if (step % 100 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(3)}`);
}

const word = ids([[3, 4, 5, 6, 7, 8]]);
const [answer] = await greedySearch(model, word);
console.log(answer!.ids.join(' ')); // 8 7 6 5 4 3

const { cross } = await model.inspect(word, ids([[1, 8, 7, 6]])); // every attention map, by layer and head
console.log(`cross-attention of layer 1: ${cross[0]!.heads} heads, ${cross[0]!.queries} × ${cross[0]!.keys}`);
// #endregion first
