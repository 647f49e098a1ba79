export {
  DistilBertModel,
  DistilBertForMaskedLM,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertForQuestionAnswering,
  DistilBertForMultipleChoice,
  readDistilBertConfig,
  type DistilBertConfig,
} from '../models/distilbert.js';
