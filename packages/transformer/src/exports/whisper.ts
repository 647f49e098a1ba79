export {
  WhisperModel,
  WhisperForConditionalGeneration,
  WhisperForAudioClassification,
  readWhisperConfig,
  type WhisperConfig,
} from '../models/whisper.js';
