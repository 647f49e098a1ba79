export {
  RobertaModel,
  RobertaForMaskedLM,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaForQuestionAnswering,
  readRobertaConfig,
  type RobertaConfig,
} from '../models/roberta.js';
