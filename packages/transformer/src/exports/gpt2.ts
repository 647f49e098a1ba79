export {
  GPT2Model,
  GPT2LMHeadModel,
  GPT2ForSequenceClassification,
  GPT2ForTokenClassification,
  GPT2ForQuestionAnswering,
  readGPT2Config,
  type GPT2Config,
} from '../models/gpt2.js';
