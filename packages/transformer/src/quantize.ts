export {
  int4Weights,
  int8Weights,
  quantizeModel,
  type QuantizeModelOptions,
  type QuantizeOptions,
} from './quantize/quantize.js';
export type { WeightFormat, WeightSlot } from './loading/load.js';
