export {
  ModernBertModel,
  ModernBertForMaskedLM,
  ModernBertForSequenceClassification,
  ModernBertForTokenClassification,
  ModernBertForQuestionAnswering,
  ModernBertForMultipleChoice,
  readModernBertConfig,
  type ModernBertConfig,
} from '../models/modernbert.js';
