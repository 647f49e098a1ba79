export {
  WhisperModel,
  WhisperForConditionalGeneration,
  readWhisperConfig,
  type WhisperConfig,
} from '../models/whisper.js';
