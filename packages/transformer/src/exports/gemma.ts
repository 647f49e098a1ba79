export {
  GemmaModel,
  GemmaForCausalLM,
  GemmaForSequenceClassification,
  GemmaForTokenClassification,
  readGemmaConfig,
  type GemmaConfig,
} from '../models/gemma.js';
