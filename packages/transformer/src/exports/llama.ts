export {
  LlamaModel,
  LlamaForCausalLM,
  LlamaForSequenceClassification,
  LlamaForTokenClassification,
  LlamaForQuestionAnswering,
  readLlamaConfig,
  type LlamaConfig,
} from '../models/llama.js';
