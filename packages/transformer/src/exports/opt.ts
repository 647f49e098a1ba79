export {
  OPTModel,
  OPTForCausalLM,
  OPTForSequenceClassification,
  OPTForQuestionAnswering,
  readOPTConfig,
  type OPTConfig,
} from '../models/opt.js';
