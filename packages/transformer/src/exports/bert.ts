export {
  BertModel,
  BertForMaskedLM,
  BertForPreTraining,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertForQuestionAnswering,
  BertForNextSentencePrediction,
  BertForMultipleChoice,
  readBertConfig,
  type BertConfig,
  type BertContext,
} from '../models/bert.js';
