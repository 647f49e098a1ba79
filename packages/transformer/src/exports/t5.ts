export {
  T5Model,
  T5EncoderModel,
  T5ForConditionalGeneration,
  T5ForSequenceClassification,
  T5ForTokenClassification,
  T5ForQuestionAnswering,
  readT5Config,
  type T5Config,
} from '../models/t5.js';
