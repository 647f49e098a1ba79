export {
  MarianModel,
  MarianMTModel,
  readMarianConfig,
  type MarianConfig,
} from '../models/marian.js';
