export {
  PhiModel,
  PhiForCausalLM,
  PhiForSequenceClassification,
  PhiForTokenClassification,
  readPhiConfig,
  type PhiConfig,
} from '../models/phi.js';
