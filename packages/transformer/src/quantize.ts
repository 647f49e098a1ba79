export {
  int4WeightOnly,
  int8WeightOnly,
  quantizeModel,
  type QuantizeModelOptions,
  type WeightOnlyOptions,
} from './quantize/weight-only.js';
export type { WeightFormat, WeightSlot } from './loading/load.js';
