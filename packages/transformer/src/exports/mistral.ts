export {
  MistralModel,
  MistralForCausalLM,
  MistralForSequenceClassification,
  MistralForTokenClassification,
  MistralForQuestionAnswering,
  readMistralConfig,
  type MistralConfig,
} from '../models/mistral.js';
