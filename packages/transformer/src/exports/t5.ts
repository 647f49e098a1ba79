export {
  T5EncoderModel,
  T5ForConditionalGeneration,
  readT5Config,
  type T5Config,
} from '../models/t5.js';
