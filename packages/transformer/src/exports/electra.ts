export {
  ElectraModel,
  ElectraForPreTraining,
  ElectraForMaskedLM,
  ElectraForSequenceClassification,
  ElectraForTokenClassification,
  ElectraForQuestionAnswering,
  ElectraForMultipleChoice,
  readElectraConfig,
  type ElectraConfig,
} from '../models/electra.js';
