export {
  Phi3Model,
  Phi3ForCausalLM,
  Phi3ForSequenceClassification,
  Phi3ForTokenClassification,
  readPhi3Config,
  type Phi3Config,
} from '../models/phi3.js';
