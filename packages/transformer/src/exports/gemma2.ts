export {
  Gemma2Model,
  Gemma2ForCausalLM,
  Gemma2ForSequenceClassification,
  Gemma2ForTokenClassification,
  readGemma2Config,
  type Gemma2Config,
} from '../models/gemma2.js';
