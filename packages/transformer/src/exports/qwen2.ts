export {
  Qwen2Model,
  Qwen2ForCausalLM,
  Qwen2ForSequenceClassification,
  Qwen2ForTokenClassification,
  Qwen2ForQuestionAnswering,
  readQwen2Config,
  type Qwen2Config,
} from '../models/qwen2.js';
