export {
  DistilBertModel,
  DistilBertForMaskedLM,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertForQuestionAnswering,
  readDistilBertConfig,
  type DistilBertConfig,
} from '../models/distilbert.js';
