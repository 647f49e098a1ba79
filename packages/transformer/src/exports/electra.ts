export {
  ElectraModel,
  ElectraForPreTraining,
  ElectraForMaskedLM,
  ElectraForSequenceClassification,
  ElectraForTokenClassification,
  ElectraForQuestionAnswering,
  readElectraConfig,
  type ElectraConfig,
} from '../models/electra.js';
