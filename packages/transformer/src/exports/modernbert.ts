export {
  ModernBertModel,
  ModernBertForMaskedLM,
  ModernBertForSequenceClassification,
  ModernBertForTokenClassification,
  ModernBertForQuestionAnswering,
  readModernBertConfig,
  type ModernBertConfig,
} from '../models/modernbert.js';
