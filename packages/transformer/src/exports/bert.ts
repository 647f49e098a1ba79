export {
  BertModel,
  BertForMaskedLM,
  BertForPreTraining,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertForQuestionAnswering,
  readBertConfig,
  type BertConfig,
  type BertContext,
} from '../models/bert.js';
