export {
  type AttentionKind,
  type AttentionMap,
  type DecoderContext,
  type DecoderLayerCache,
  type DecoderLayerContext,
  type EncoderContext,
  type ModelOptions,
  Seq2Seq,
  type Seq2SeqConfig,
  type Seq2SeqContext,
  Transformer,
  type TransformerConfig,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from './models/seq2seq.js';
export { type BeamOptions, beamSearch, greedySearch, type Hypothesis, type SearchOptions } from './generate/search.js';
