export {
  M2M100Model,
  M2M100ForConditionalGeneration,
  readM2M100Config,
  type M2M100Config,
} from '../models/m2m100.js';
