export {
  SmolLM3Model,
  SmolLM3ForCausalLM,
  SmolLM3ForSequenceClassification,
  SmolLM3ForTokenClassification,
  SmolLM3ForQuestionAnswering,
  readSmolLM3Config,
  type SmolLM3Config,
} from '../models/smollm3.js';
