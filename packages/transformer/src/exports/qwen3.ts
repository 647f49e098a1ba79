export {
  Qwen3Model,
  Qwen3ForCausalLM,
  Qwen3ForSequenceClassification,
  Qwen3ForTokenClassification,
  Qwen3ForQuestionAnswering,
  readQwen3Config,
  type Qwen3Config,
} from '../models/qwen3.js';
