export {
  Gemma3TextModel,
  Gemma3ForCausalLM,
  Gemma3TextForSequenceClassification,
  readGemma3Config,
  type Gemma3Config,
} from '../models/gemma3.js';
