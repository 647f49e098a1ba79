// The encoder-decoder of 2017 from the outside: `pnpm example seq2seq`. (`pnpm example first` trains one.)
// #region seq2seq
import { Rng, scope, stateDict, tensor } from '@multihead/tensor';
import { beamSearch, Seq2Seq } from '@multihead/transformer/seq2seq';

const sizes = { d_model: 32, nhead: 4, num_encoder_layers: 2, num_decoder_layers: 2, dim_feedforward: 64 };
const vocabulary = { src_vocab_size: 30, tgt_vocab_size: 42, pad_token_id: 0, bos_token_id: 1, eos_token_id: 2 };
const model = new Seq2Seq({ ...sizes, ...vocabulary, norm_first: true }, { rng: new Rng(1) });

using _ = scope();
const source = tensor(Int32Array.of(5, 9, 7), { shape: [1, 3] });
const [answers] = await beamSearch(model, source, { beams: 5, maxLength: 8 }); // best first
console.log(answers!.length, Object.keys(answers![0]!)); // 5 [ 'ids', 'score' ]
// #endregion seq2seq

// #region inspect
const target = tensor(Int32Array.of(1, ...answers![0]!.ids), { shape: [1, 1 + answers![0]!.ids.length] });
const { encoder, decoder, cross } = await model.inspect(source, target); // each: one map for every layer
console.log([encoder, decoder, cross].map((layers) => layers.length)); // [ 2, 2, 2 ]
console.log(cross[0]!.heads, cross[0]!.keys); // 4 3
// #endregion inspect

// #region names
console.log([...stateDict(model.transformer).keys()][0]); // encoder.layers.0.self_attn.in_proj_weight
// #endregion names
