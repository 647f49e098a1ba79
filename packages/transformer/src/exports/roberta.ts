export {
  RobertaModel,
  RobertaForMaskedLM,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaForQuestionAnswering,
  RobertaForMultipleChoice,
  readRobertaConfig,
  type RobertaConfig,
} from '../models/roberta.js';
