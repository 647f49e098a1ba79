export {
  BartModel,
  BartForConditionalGeneration,
  BartForSequenceClassification,
  BartForQuestionAnswering,
  readBartConfig,
  type BartConfig,
  type StacksConfig,
} from '../models/bart.js';
