export {
  MixtralModel,
  MixtralForCausalLM,
  MixtralForSequenceClassification,
  MixtralForTokenClassification,
  MixtralForQuestionAnswering,
  readMixtralConfig,
  type MixtralConfig,
} from '../models/mixtral.js';
