export {
  GPTNeoXModel,
  GPTNeoXForCausalLM,
  GPTNeoXForSequenceClassification,
  GPTNeoXForTokenClassification,
  GPTNeoXForQuestionAnswering,
  readGPTNeoXConfig,
  type GPTNeoXConfig,
} from '../models/gpt-neox.js';
